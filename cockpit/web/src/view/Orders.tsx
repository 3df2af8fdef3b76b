/** Orders in force at the node with who gave them and how long they last, and a form to give one. */

import { type FormEvent, type ReactNode, useCallback, useEffect, useState } from "react";
import { ApiError, api } from "../api/client.ts";
import type { Network } from "../model/network.ts";
import { type Order, countdown, stateWords, wish } from "../model/orders.ts";

interface Props {
  readonly node: string;
  readonly network: Network;
  readonly mayOrder: boolean;
  readonly nowMs: number;
}

const LOOK_MS = 2000;

/** Orders of a node, asked for again and again; null while the cockpit does not say them. */
function useOrders(node: string): { orders: readonly Order[] | null; look: () => Promise<void> } {
  const [found, setFound] = useState<{ node: string; orders: readonly Order[] | null }>({
    node,
    orders: null,
  });
  const look = useCallback(async (): Promise<void> => {
    try {
      const orders = await api.openOrders(node);
      setFound({ node, orders });
    } catch {
      setFound({ node, orders: null });
    }
  }, [node]);
  useEffect(() => {
    void look();
    const timer = window.setInterval(() => void look(), LOOK_MS);
    return () => window.clearInterval(timer);
  }, [look]);
  return { orders: found.node === node ? found.orders : null, look };
}

const wordsOf = (error: unknown): string =>
  error instanceof ApiError ? error.message : "It could not be done.";

export function Orders({ node, network, mayOrder, nowMs }: Props): ReactNode {
  const { orders, look } = useOrders(node);
  const [failure, setFailure] = useState("");
  const act = async (what: Promise<unknown>): Promise<boolean> => {
    setFailure("");
    try {
      await what;
      await look();
      return true;
    } catch (error) {
      setFailure(wordsOf(error));
      return false;
    }
  };
  return (
    <section className="panel orders" aria-label="Orders">
      <div className="panel-head">
        <h2>Orders</h2>
        <p className="note" role="status" data-testid="order-count">
          {orders === null ? "not known" : orders.length === 0 ? "none" : `${orders.length} open`}
        </p>
      </div>
      {orders === null || orders.length === 0 ? null : (
        <ul className="scroll" tabIndex={0} aria-label="Open orders">
          {orders.map((order) => (
            <OrderItem
              key={order.id}
              order={order}
              nowMs={nowMs}
              mayRevoke={mayOrder && order.revokedBy === null}
              onRevoke={() => void act(api.revokeOrder(node, order.id))}
            />
          ))}
        </ul>
      )}
      {failure === "" ? null : (
        <p className="failure" role="alert">
          {failure}
        </p>
      )}
      {mayOrder ? (
        <details>
          <summary>Give an order</summary>
          <OrderForm
            network={network}
            onGive={(targets, limitW, durationS, reason) =>
              act(
                api.giveOrder(node, {
                  targets: [targets],
                  limit_w: limitW,
                  duration_s: durationS,
                  reason,
                }),
              )
            }
          />
        </details>
      ) : null}
    </section>
  );
}

function OrderItem(props: {
  order: Order;
  nowMs: number;
  mayRevoke: boolean;
  onRevoke: () => void;
}): ReactNode {
  const { order, nowMs } = props;
  return (
    <li className="order" data-order={order.id}>
      <div className="order-text">
        <p className="cause">
          {order.targets.join(", ")}: {wish(order)}
        </p>
        <p>{order.reason}</p>
        {order.stateReason === "" ? null : <p className="note">{order.stateReason}</p>}
        <p className="note">
          {order.source} · {order.issuedBy} · {stateWords(order)} ·{" "}
          <span className="countdown">ends in {countdown(order, nowMs)}</span>
        </p>
      </div>
      {props.mayRevoke ? (
        <button
          type="button"
          onClick={props.onRevoke}
          aria-label={`Revoke the order for ${order.targets.join(", ")}`}
        >
          Revoke
        </button>
      ) : null}
    </li>
  );
}

function OrderForm(props: {
  network: Network;
  onGive: (target: string, limitW: number, durationS: number, reason: string) => Promise<boolean>;
}): ReactNode {
  const { network } = props;
  const [target, setTarget] = useState("");
  const [limit, setLimit] = useState("");
  const [minutes, setMinutes] = useState("15");
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const device = network.devices.find((d) => d.name === target);
  const give = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    const done = await props.onGive(target, Number(limit) * 1000, Number(minutes) * 60, reason);
    setBusy(false);
    if (done) setReason("");
  };
  return (
    <form className="order-form" onSubmit={(event) => void give(event)}>
      <label>
        Device or group
        <select required value={target} onChange={(e) => setTarget(e.target.value)}>
          <option value="">choose</option>
          {network.groups.map((group) => (
            <option key={`group ${group}`} value={group}>
              {group} (group)
            </option>
          ))}
          {network.devices.map((d) => (
            <option key={d.name}>{d.name}</option>
          ))}
        </select>
      </label>
      <label>
        At most, kW
        <input
          type="number"
          required
          min="0"
          step="any"
          value={limit}
          onChange={(e) => setLimit(e.target.value)}
        />
      </label>
      <label>
        For, minutes
        <input
          type="number"
          required
          min="0.1"
          max="44640"
          step="any"
          value={minutes}
          onChange={(e) => setMinutes(e.target.value)}
        />
      </label>
      <label className="wide">
        Reason
        <input
          required
          maxLength={300}
          value={reason}
          onChange={(e) => setReason(e.target.value)}
        />
      </label>
      {device === undefined ? null : (
        <p className="note wide">
          Its guaranteed floor of {(device.floorW / 1000).toFixed(1)} kW holds whatever is ordered.
        </p>
      )}
      <button type="submit" disabled={busy}>
        Give the order
      </button>
    </form>
  );
}
