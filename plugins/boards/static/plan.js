// "Preview plan": asks Airflow's own API for a dry run of one sync, follows it, and shows the plan that its task
// returned. The browser asks with the user's own login, so Airflow decides who may. What queries and sheets say is
// hostile: it only ever becomes text.
(() => {
  const CALL_MS = 30_000;
  const CELL_CHARACTERS = 60;
  const DAY_MS = 86_400_000;
  const DAY_ZERO = Date.UTC(1899, 11, 30); // Sheets counts days from here
  const DAYS = 2_958_466; // to the end of year 9999

  const button = document.querySelector("[data-plan]");
  if (!button) return;
  const card = document.getElementById(button.getAttribute("aria-controls"));
  const status = card.querySelector("[role=status]");
  const result = card.querySelector("[data-result]");
  const { api, airflow, dag, task, sync, request } = card.dataset;
  const address = `${api}/dags/${encodeURIComponent(dag)}`;
  const page = `${airflow}/dags/${encodeURIComponent(dag)}`;

  const make = (tag, attributes, ...inside) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...inside);
    return made;
  };
  const link = (href, text) => make("a", { href, "data-outside": "top" }, text);

  // Said again it would be read out again.
  const say = (text, ...links) => {
    if (status.dataset.said === text) return;
    status.dataset.said = text;
    status.replaceChildren(text, ...links.flatMap((each) => [" ", each]));
  };

  // What asking again does not change; its message is for people.
  class Refusal extends Error {
    constructor(message, code) {
      super(message);
      this.code = code;
    }
  }

  const why = async (answer, right) => {
    if (answer.status === 401) return "Your login has ended. Log in to Airflow, then reload this page.";
    if (answer.status === 403) return `It takes the right to ${right} the DAG ${dag}.`;
    const told = await answer.json().catch(() => null);
    const line = typeof told?.detail === "string" ? told.detail.split("\n", 1)[0].slice(0, 300) : "it does not say why";
    return `Airflow refuses (${answer.status}): ${line}`;
  };

  const ask = async (right, path, body) => {
    const post = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    const limits = { cache: "no-store", redirect: "error", signal: AbortSignal.timeout(CALL_MS) };
    const answer = await fetch(address + path, { ...limits, ...(body && post) });
    if (answer.ok) return answer.json();
    if (answer.status === 429 || answer.status >= 500) throw new Error(`${answer.status}`);
    throw new Refusal(await why(answer, right), answer.status);
  };

  const ifThere = async (asked) => {
    try {
      return await asked;
    } catch (error) {
      if (error.code === 404) return null;
      throw error;
    }
  };

  // A click whose answer was lost is made good by the next one: it asks for the same run.
  let clicks = 0;
  const trigger = async () => {
    const run = `plan-${request}-${clicks}`;
    const conf = { syncs: [sync], dry_run: true };
    try {
      await ask("trigger", "/dagRuns", { dag_run_id: run, logical_date: null, conf });
    } catch (error) {
      if (error.code !== 409) throw error;
    }
    clicks += 1;
    return run;
  };

  const returned = async (run) => {
    const path = `/dagRuns/${run}/taskInstances/${encodeURIComponent(task)}/xcomEntries/return_value`;
    const entry = await ifThere(ask("read XComs of", path));
    const all = entry?.value ?? {};
    return Object.hasOwn(all, sync) ? all[sync] : null;
  };

  const failed = (error) => ({ outcome: "failed", error });

  // A spec that can't be used has a task of its own, whose documentation is what is wrong in it.
  const broken = async () => {
    const found = await ifThere(ask("read", `/tasks/${encodeURIComponent(sync)}`));
    return failed(found?.doc_md || "The run ended without a plan. The log of its task says why.");
  };

  const waiting = async (reason) => {
    const { is_paused: paused } = await ask("read", "");
    if (!paused) return say(reason);
    return say(
      `${dag} is paused, so the run waits in Airflow. Unpause the DAG there, by the switch beside its name, and the plan ` +
        "shows up here. It has no schedule: it runs only what somebody asks for.",
      link(page, "Open the DAG"),
    );
  };

  // What became of the sync; nothing while that is open.
  const look = async (run) => {
    const { state } = await ask("read runs of", `/dagRuns/${run}`);
    if (state === "queued") return waiting(`Waits in Airflow: runs of ${dag} go one after another.`);
    const mine = await ifThere(ask("read tasks of", `/dagRuns/${run}/taskInstances/${encodeURIComponent(task)}`));
    // Other workbooks of the team may still have to be passed over, so the run's own end is not waited for.
    if (mine?.state === "success" || mine?.state === "failed") return (await returned(run)) ?? broken();
    if (state !== "running") return broken();
    if (mine?.state === "running") return say("Reads the query's result and the sheet …");
    if (mine?.state !== "up_for_retry") return waiting("Waits in Airflow for a worker …");
    const before = await returned(run);
    return say(`A try failed, and Airflow makes another one. ${String(before?.error ?? "").slice(0, 500)}`);
  };

  const follow = async (run) => {
    const end = performance.now() + 1000 * card.dataset.patienceSeconds;
    for (;;) {
      try {
        const found = await look(run);
        if (found) return found;
      } catch (error) {
        if (error instanceof Refusal) throw error;
        say("Airflow does not answer. It is asked again …");
      }
      if (performance.now() > end) {
        throw new Refusal("There is still no plan, and this page waits no longer. The run goes on in Airflow.");
      }
      await new Promise((resolve) => setTimeout(resolve, 1000 * card.dataset.lookSeconds));
    }
  };

  const count = (number) => Number(number ?? 0).toLocaleString("en");
  const counted = (number, thing) => `${count(number)} ${thing}${number === 1 ? "" : "s"}`;

  const shown = (cell, type) => {
    if (cell === null || cell === undefined) return "";
    if (typeof cell === "boolean") return cell ? "TRUE" : "FALSE";
    const isMoment = ["date", "time", "timestamp", "timestamp_tz"].includes(type);
    if (typeof cell !== "number" || !isMoment || cell < 0 || cell >= DAYS) return String(cell);
    const text = new Date(Math.round(DAY_ZERO + cell * DAY_MS)).toISOString();
    if (type === "date") return text.slice(0, 10);
    return type === "time" ? text.slice(11, 19) : `${text.slice(0, 10)} ${text.slice(11, 19)}`;
  };
  const cut = (text) => (text.length > CELL_CHARACTERS ? `${text.slice(0, CELL_CHARACTERS - 1)}…` : text);

  // Two values that differ are shown as different: 7 and "7", and long texts from where they part.
  const apart = (was, will, type) => {
    let [before, after] = [shown(was, type), shown(will, type)];
    if (before === after) [before, after] = [JSON.stringify(was) ?? "", JSON.stringify(will) ?? ""];
    if (cut(before) !== cut(after)) return [cut(before), cut(after)];
    let same = 0;
    while (before[same] === after[same] && same < before.length) same += 1;
    const start = Math.max(0, same - 10);
    return [cut(`…${before.slice(start)}`), cut(`…${after.slice(start)}`)];
  };

  const cellOf = (cell, type) => {
    if (!cell) return make("td", {});
    const [was, will] = apart(cell.old, cell.new, type);
    const full = `${shown(cell.old, type)} → ${shown(cell.new, type)}`.slice(0, 1000);
    const inside = [was && make("del", {}, was), was && will && " → ", will && make("ins", {}, will)];
    return make("td", { title: full }, ...inside.filter(Boolean));
  };

  const BADGES = { added: "ok", changed: "failing", deleted: "late" };

  const rowOf = (row, columns) => {
    const cells = row.cells ?? {};
    const badge = make("span", { class: `badge ${BADGES[row.change] ?? ""}` }, String(row.change));
    const head = [make("td", { class: "number" }, count(row.row)), make("td", {}, badge)];
    const across = { colspan: Math.max(columns.length, 1) };
    if (row.change === "deleted") return make("tr", {}, ...head, make("td", across, make("del", {}, "the whole row")));
    if (!Object.keys(cells).length) return make("tr", {}, ...head, make("td", across, "cells get another type"));
    const filled = columns.map(({ header, type }) => cellOf(Object.hasOwn(cells, header) ? cells[header] : null, type));
    return make("tr", {}, ...head, ...filled);
  };

  const tableOf = (plan, touched) => {
    const rows = plan.preview ?? [];
    if (!rows.length) return [];
    const isTouched = ({ header }) => rows.some((row) => Object.hasOwn(row.cells ?? {}, header));
    const columns = (plan.columns ?? []).filter(isTouched);
    const heads = [make("th", { scope: "col", class: "number" }, "Row"), make("th", { scope: "col" }, "Change")];
    const titles = columns.map(({ header }) => make("th", { scope: "col" }, String(header)));
    const table = make(
      "table",
      {},
      make("thead", {}, make("tr", {}, ...heads, ...titles)),
      make("tbody", {}, ...rows.map((row) => rowOf(row, columns))),
    );
    const part = `${count(rows.length)} of ${counted(touched, "row")}`;
    return [
      make("p", { class: "quiet" }, `${part}, counted below the header. Columns without a change are left out.`),
      // A region that scrolls has to be reachable by keyboard.
      make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Rows of the plan" }, table),
    ];
  };

  const factsOf = (plan) => {
    const share = (100 * (plan.quota_share ?? 0)).toFixed(1);
    const facts = [
      ["Added", count(plan.rows_added)],
      ["Changed", count(plan.rows_changed)],
      ["Deleted", count(plan.rows_deleted)],
      ["Edited by people", count(plan.rows_edited)],
      ["Rejected", count(plan.rows_rejected)],
      ["Rows afterwards", count(plan.rows)],
      ["Write calls", `${count(plan.calls_needed)} (${share}% of an account's minute)`],
    ];
    const pairs = facts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)));
    return make("dl", { class: "facts" }, ...pairs);
  };

  const SAID = {
    unchanged: "Nothing would change: the tab says what the query says.",
    already_applied: "Nothing would change: the rows of this time were appended before.",
  };

  const show = (plan, run) => {
    const there = link(`${page}/runs/${encodeURIComponent(run)}`, "Open the run in Airflow");
    if (plan.outcome === "failed") {
      say("There is no plan: a run would fail. Nothing was written.", there);
      result.replaceChildren(make("pre", { class: "error" }, String(plan.error).slice(0, 2000)));
      return;
    }
    const touched = (plan.rows_added ?? 0) + (plan.rows_changed ?? 0) + (plan.rows_deleted ?? 0);
    const rows = touched ? `${counted(touched, "row")} would change` : "Only header, formats or size would change";
    const tab = plan.gid === null ? ", in a tab that is made for them" : "";
    say(`${SAID[plan.outcome] ?? `${rows}${tab}.`} Nothing was written.`, there);
    const warning = plan.warning ? [make("p", { class: "error-line" }, String(plan.warning))] : [];
    result.replaceChildren(factsOf(plan), ...warning, ...tableOf(plan, touched));
  };

  const preview = async () => {
    let run = "";
    try {
      run = await trigger();
      show(await follow(run), run);
    } catch (error) {
      const there = run ? [link(`${page}/runs/${encodeURIComponent(run)}`, "Open the run in Airflow")] : [];
      const lost = "Airflow does not answer. Press the button again: what it may have begun is not begun twice.";
      say(error instanceof Refusal ? error.message : lost, ...there);
    }
  };

  let busy = false;
  button.addEventListener("click", async () => {
    if (busy) return;
    busy = true;
    // Not disabled: the button would lose the keyboard's focus.
    button.setAttribute("aria-disabled", "true");
    card.hidden = false;
    card.setAttribute("aria-busy", "true");
    result.replaceChildren();
    say("Asks Airflow for a dry run …");
    card.scrollIntoView({ block: "nearest" });
    await preview();
    card.setAttribute("aria-busy", "false");
    button.removeAttribute("aria-disabled");
    busy = false;
  });
  button.hidden = false;
})();
