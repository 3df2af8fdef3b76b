/** Log-in, and the way from the one-time password to a password of one's own. */

import { type FormEvent, type ReactNode, useState } from "react";
import { ApiError, type Session, api } from "../api/client.ts";

/** The server's rule; it checks again. */
export const SHORTEST_PASSWORD = 12;

interface Props {
  readonly notice: string;
  readonly onSession: (session: Session) => Promise<void>;
}

/** What went wrong, in a sentence that says what to do. */
export function logInWords(error: unknown): string {
  if (!(error instanceof ApiError)) return "The log-in failed.";
  switch (error.status) {
    case 0:
      return "The cockpit does not answer. Is it running?";
    case 401:
      return "User or password is wrong.";
    case 422:
      return `The new password needs at least ${SHORTEST_PASSWORD} characters.`;
    case 429:
      return error.retryAfterS === null
        ? "Too many attempts. Wait a while."
        : `Too many attempts. Try again in ${Math.ceil(error.retryAfterS)} s.`;
    default:
      return `The log-in failed: ${error.message}.`;
  }
}

export function LogIn({ notice, onSession }: Props): ReactNode {
  const [user, setUser] = useState("operator");
  const [password, setPassword] = useState("");
  const [fresh, setFresh] = useState({ first: "", again: "" });
  const [changing, setChanging] = useState(false);
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);

  const problem = changing ? newPasswordProblem(fresh.first, fresh.again, password) : "";

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (problem !== "") {
      setFailure(problem);
      return;
    }
    setBusy(true);
    setFailure("");
    try {
      await onSession(await api.logIn(user, password, changing ? fresh.first : undefined));
    } catch (error) {
      if (error instanceof ApiError && error.message === "password_change_required") {
        setChanging(true);
      } else {
        setFailure(logInWords(error));
      }
    } finally {
      setBusy(false);
    }
  };

  return (
    <main className="log-in">
      <form onSubmit={(event) => void submit(event)} aria-labelledby="log-in-title">
        <h1 id="log-in-title">
          <svg className="emblem" viewBox="0 0 24 24" width="28" height="28" aria-hidden="true">
            <circle cx="9" cy="12" r="6.5" />
            <circle cx="15" cy="12" r="6.5" />
          </svg>
          Ortsnetz cockpit
        </h1>
        {notice === "" ? null : <p className="note">{notice}</p>}
        <label htmlFor="user">User</label>
        <input
          id="user"
          autoComplete="username"
          required
          value={user}
          readOnly={changing}
          onChange={(e) => setUser(e.target.value)}
        />
        <label htmlFor="password">{changing ? "One-time password" : "Password"}</label>
        <input
          id="password"
          type="password"
          autoComplete="current-password"
          required
          autoFocus
          value={password}
          readOnly={changing}
          onChange={(e) => setPassword(e.target.value)}
        />
        {changing ? (
          <fieldset>
            <legend>Choose your own password</legend>
            <p className="note">
              The one-time password opens nothing but this form. At least {SHORTEST_PASSWORD}{" "}
              characters.
            </p>
            <label htmlFor="new-password">New password</label>
            <input
              id="new-password"
              type="password"
              autoComplete="new-password"
              required
              autoFocus
              value={fresh.first}
              onChange={(e) => setFresh({ ...fresh, first: e.target.value })}
            />
            <label htmlFor="repeat-password">New password, again</label>
            <input
              id="repeat-password"
              type="password"
              autoComplete="new-password"
              required
              value={fresh.again}
              onChange={(e) => setFresh({ ...fresh, again: e.target.value })}
            />
          </fieldset>
        ) : null}
        <p className="failure" role="alert">
          {failure}
        </p>
        <button type="submit" disabled={busy}>
          {changing ? "Set password and log in" : "Log in"}
        </button>
      </form>
    </main>
  );
}

/** Why a new password cannot be taken, or nothing. */
export function newPasswordProblem(first: string, again: string, old: string): string {
  if (first.length < SHORTEST_PASSWORD) {
    return `The new password needs at least ${SHORTEST_PASSWORD} characters; it has ${first.length}.`;
  }
  if (first === old) return "The new password must differ from the one-time password.";
  if (first !== again) return "The two new passwords differ.";
  return "";
}
