/** Entry of the page: who is there, then the station. */

import { type ReactNode, StrictMode, useCallback, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { ApiError, type Session, api } from "./api/client.ts";
import "./style/base.css";
import "./style/page.css";
import "./style/network.css";
import "./style/details.css";
import "./style/panels.css";
import "./style/states.css";
import { LogIn } from "./view/LogIn.tsx";
import { Page } from "./view/Page.tsx";

const RETRY_MS = 3000;

type Who =
  | { readonly at: "asking"; readonly notice: string }
  | { readonly at: "out"; readonly notice: string }
  | { readonly at: "in"; readonly session: Session; readonly nodes: readonly string[] };

function App(): ReactNode {
  const [who, setWho] = useState<Who>({ at: "asking", notice: "" });
  const enter = useCallback(async (session: Session): Promise<void> => {
    const agents = await api.agents();
    setWho({ at: "in", session, nodes: agents.map((a) => a.node) });
  }, []);
  const leave = useCallback((notice: string) => setWho({ at: "out", notice }), []);

  useEffect(() => {
    if (who.at !== "asking") return;
    let timer: number | undefined;
    const ask = async (): Promise<void> => {
      try {
        await enter(await api.session());
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) leave("");
        else {
          setWho({ at: "asking", notice: "The cockpit does not answer. Trying again." });
          timer = window.setTimeout(() => void ask(), RETRY_MS);
        }
      }
    };
    void ask();
    return () => window.clearTimeout(timer);
  }, [who.at, enter, leave]);

  if (who.at === "asking") {
    return (
      <main className="log-in">
        <p role="status">{who.notice || "Connecting to the cockpit."}</p>
      </main>
    );
  }
  if (who.at === "out") {
    return <LogIn notice={who.notice} onSession={enter} />;
  }
  if (who.nodes.length === 0) {
    return (
      <main className="log-in">
        <p role="status">No substation is configured in this cockpit.</p>
      </main>
    );
  }
  return <Page session={who.session} nodes={who.nodes} onNoSession={leave} />;
}

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no element with the id 'root'");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
