"use strict";
// One conversation with an OPC UA server by node-opcua: what to do comes as JSON in the first
// argument, what came of it goes out as one line of JSON.
const fs = require("fs");
const client = require("node-opcua-client");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");
const { readCertificate } = require("node-opcua-crypto");

const wanted = JSON.parse(process.argv[2]);

function connection() {
  const options = {
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 0, initialDelay: 100 },
    applicationName: "node-opcua",
    securityMode: client.MessageSecurityMode.None,
    securityPolicy: client.SecurityPolicy.None,
    clientCertificateManager: new OPCUACertificateManager({
      rootFolder: wanted.pki,
      automaticallyAcceptUnknownCertificate: true,
    }),
  };
  if (wanted.secure) {
    options.securityMode = client.MessageSecurityMode.SignAndEncrypt;
    options.securityPolicy = client.SecurityPolicy.Basic256Sha256;
    options.applicationUri = wanted.secure.uri;
    options.certificateFile = wanted.secure.certificate;
    options.privateKeyFile = wanted.secure.key;
  }
  return client.OPCUAClient.create(options);
}

function identity() {
  if (!wanted.secure || wanted.secure.anonymous) return { type: client.UserTokenType.Anonymous };
  return {
    type: client.UserTokenType.Certificate,
    certificateData: readCertificate(wanted.secure.certificate),
    privateKey: fs.readFileSync(wanted.secure.key, "utf8"),
  };
}

async function converse(session, said) {
  const names = await session.readNamespaceArray();
  const id = (name) => `ns=${names.indexOf(wanted.namespace)};s=${name}`;
  for (const [name, value, type] of wanted.write || []) {
    const status = await session.write({
      nodeId: id(name),
      attributeId: client.AttributeIds.Value,
      value: { value: { dataType: client.DataType[type], value } },
    });
    said.written.push(status.name);
  }
  const nodes = (wanted.read || []).map((name) => ({
    nodeId: id(name),
    attributeId: client.AttributeIds.Value,
  }));
  for (const value of nodes.length ? await session.read(nodes) : []) {
    said.read.push([
      value.value.value,
      value.statusCode.name,
      value.sourceTimestamp ? value.sourceTimestamp.toISOString() : null,
    ]);
  }
  if (wanted.watch) await watch(session, id, said);
}

async function watch(session, id, said) {
  const subscription = await session.createSubscription2({
    requestedPublishingInterval: 100,
    requestedLifetimeCount: 100,
    requestedMaxKeepAliveCount: 10,
    publishingEnabled: true,
  });
  const item = await subscription.monitor(
    { nodeId: id(wanted.watch.name), attributeId: client.AttributeIds.Value },
    { samplingInterval: 50, queueSize: 10, discardOldest: true },
    client.TimestampsToReturn.Both,
  );
  await new Promise((resolve) => {
    item.on("changed", (value) => {
      said.watched.push(value.value.value);
      console.log(JSON.stringify({ changed: value.value.value }));
      if (said.watched.length >= wanted.watch.changes) resolve();
    });
  });
  await subscription.terminate();
}

async function main() {
  const said = { read: [], written: [], watched: [], error: null };
  const opcua = connection();
  try {
    await opcua.connect(wanted.url);
    const session = await opcua.createSession(identity());
    await converse(session, said);
    await session.close();
  } catch (error) {
    said.error = error.message;
  }
  await opcua.disconnect().catch(() => undefined);
  console.log(JSON.stringify(said));
  process.exit(0);
}

setTimeout(() => process.exit(3), 30000);
main();
