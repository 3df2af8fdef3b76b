"use strict";
// An OPC UA server by node-opcua with some variables. Its port and its certificates come as JSON in
// the first argument; lines of JSON on standard input set values, answered by lines on the output.
const fs = require("fs");
const path = require("path");
const readline = require("readline");
const { OPCUAServer } = require("node-opcua-server");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");
const { MessageSecurityMode, SecurityPolicy } = require("node-opcua-secure-channel");
const { DataType } = require("node-opcua-variant");
const { StatusCodes } = require("node-opcua-status-code");
const { readCertificate } = require("node-opcua-crypto");

const wanted = JSON.parse(process.argv[2]);

async function keeper(name) {
  const manager = new OPCUACertificateManager({
    rootFolder: path.join(wanted.pki, name),
    automaticallyAcceptUnknownCertificate: name === "applications",
  });
  await manager.initialize();
  if (wanted.user) await manager.trustCertificate(readCertificate(wanted.user));
  return manager;
}

async function main() {
  const secure = Boolean(wanted.certificate);
  const options = {
    port: wanted.port,
    hostname: "127.0.0.1",
    resourcePath: "/node",
    serverInfo: { applicationUri: wanted.uri },
    buildInfo: { productName: "a park by node-opcua", manufacturerName: "node-opcua" },
    serverCertificateManager: await keeper("applications"),
    userCertificateManager: await keeper("users"),
    allowAnonymous: !secure,
    securityModes: [secure ? MessageSecurityMode.SignAndEncrypt : MessageSecurityMode.None],
    securityPolicies: [secure ? SecurityPolicy.Basic256Sha256 : SecurityPolicy.None],
    registerServerMethod: 1,
  };
  if (secure) {
    options.certificateFile = wanted.certificate;
    options.privateKeyFile = wanted.key;
  }
  const server = new OPCUAServer(options);
  await server.initialize();
  const space = server.engine.addressSpace;
  for (const uri of wanted.before || []) space.registerNamespace(uri);
  const namespace = space.registerNamespace(wanted.namespace);
  const variables = {};
  for (const [name, type, value, writable] of wanted.variables) {
    variables[name] = namespace.addVariable({
      organizedBy: space.rootFolder.objects,
      nodeId: `s=${name}`,
      browseName: name,
      dataType: DataType[type],
      accessLevel: writable ? "CurrentRead | CurrentWrite" : "CurrentRead",
      userAccessLevel: writable ? "CurrentRead | CurrentWrite" : "CurrentRead",
      value: { dataType: DataType[type], value },
    });
  }
  await server.start();
  console.log(JSON.stringify({ ready: true }));
  readline.createInterface({ input: process.stdin }).on("line", (line) => {
    const order = JSON.parse(line);
    if (order.set) {
      const [name, value, status] = order.set;
      const node = variables[name];
      const type = node.readValue().value.dataType;
      node.setValueFromSource({ dataType: type, value }, StatusCodes[status || "Good"]);
    }
    if (order.cut) {
      for (const end of server.endpoints) end.abruptlyInterruptChannels();
    }
    const values = {};
    for (const name of order.get || []) values[name] = variables[name].readValue().value.value;
    console.log(JSON.stringify({ values, sessions: server.engine.currentSessionCount }));
  });
}

process.stdin.on("end", () => process.exit(0));
main().catch((error) => {
  console.log(JSON.stringify({ failed: error.stack }));
  process.exit(2);
});
