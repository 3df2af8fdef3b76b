/** Open alarms: priority by shape, colour and word; cause, consequence, action. */

import { type ReactNode, useState } from "react";
import type { Alarm } from "../model/station.ts";
import { clockOrDate } from "./format.ts";
import { PRIORITY_WORDS, PrioritySymbol } from "./symbols.tsx";

interface Props {
  readonly alarms: readonly Alarm[];
  readonly known: boolean;
  readonly mayAcknowledge: boolean;
  readonly onAcknowledge: (alarm: Alarm) => Promise<void>;
  readonly nowMs: number;
}

export function Alarms(props: Props): ReactNode {
  const open = props.alarms.filter((a) => a.state !== "normal");
  const unseen = open.filter((a) => a.state !== "active_acknowledged").length;
  return (
    <section className="panel alarms" aria-label="Alarms">
      <div className="panel-head">
        <h2>Alarms</h2>
        <p className="note" data-testid="alarm-count" role="status">
          {!props.known
            ? "not known without a connection"
            : open.length === 0
              ? "none open"
              : `${open.length} open, ${unseen} to acknowledge`}
        </p>
      </div>
      {open.length === 0 ? null : (
        <ul className="scroll" tabIndex={0} aria-label="Open alarms">
          {open.map((alarm) => (
            <AlarmItem key={alarm.id} alarm={alarm} {...props} />
          ))}
        </ul>
      )}
    </section>
  );
}

const STATE_WORDS: Readonly<Record<Alarm["state"], string>> = {
  active_unacknowledged: "active, not acknowledged",
  active_acknowledged: "active, acknowledged",
  cleared_unacknowledged: "gone, not acknowledged",
  normal: "normal",
};

function AlarmItem(props: { alarm: Alarm } & Props): ReactNode {
  const { alarm, nowMs } = props;
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);
  const active = alarm.state !== "cleared_unacknowledged";
  const open = alarm.state !== "active_acknowledged";
  const acknowledge = async (): Promise<void> => {
    setBusy(true);
    setFailure("");
    try {
      await props.onAcknowledge(alarm);
    } catch (error) {
      setFailure(error instanceof Error ? error.message : "It could not be acknowledged.");
    } finally {
      setBusy(false);
    }
  };
  return (
    <li className={`alarm ${alarm.state}`} data-key={alarm.key}>
      <PrioritySymbol priority={alarm.priority} active={active} />
      <div className="alarm-text">
        <p className="cause">{alarm.cause}</p>
        <p className="consequence">{alarm.consequence}</p>
        <p className="action">
          <span className="do">Do:</span> {alarm.action}
        </p>
        <p className="note">
          {PRIORITY_WORDS[alarm.priority] ?? "critical"} · {clockOrDate(alarm.raisedMs, nowMs)} ·{" "}
          {STATE_WORDS[alarm.state]}
          {alarm.acknowledgedBy === null ? "" : ` by ${alarm.acknowledgedBy}`}
          {alarm.occurrences > 1 ? ` · ${alarm.occurrences} times` : ""} · {alarm.node}
        </p>
        {failure === "" ? null : (
          <p className="failure" role="alert">
            {failure}
          </p>
        )}
      </div>
      {open && props.mayAcknowledge ? (
        <button
          type="button"
          disabled={busy || !props.known}
          onClick={() => void acknowledge()}
          aria-label={`Acknowledge: ${alarm.cause}`}
        >
          Acknowledge
        </button>
      ) : null}
    </li>
  );
}
