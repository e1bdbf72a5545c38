"use strict";
document.documentElement.classList.add("js");
addEventListener("DOMContentLoaded", () => {
  const pageSize = 100;
  const byId = (id) => document.getElementById(id);
  const form = byId("filters");
  if (!form) return;
  const table = document.querySelector("table");
  const all = [...table.tBodies];
  const number = (value) => value.toLocaleString("en");
  const selects = ["category", "rule", "namespace"];
  const objects = new Map();
  let words = null;
  let order = { key: "severity", down: false };
  let found = all;
  let page = 0;
  let shown = [];

  const object = (row) => {
    if (!objects.has(row)) objects.set(row, row.rows[0].cells[2].textContent);
    return objects.get(row);
  };
  const compare = {
    severity: (a, b) => a.dataset.severity - b.dataset.severity,
    rule: (a, b) => a.dataset.rule - b.dataset.rule,
    object: (a, b) => (object(a) < object(b) ? -1 : object(a) > object(b) ? 1 : 0),
    place: () => 0,
  };

  function search() {
    const asked = new FormData(form);
    const severities = new Set(asked.getAll("severity"));
    const terms = asked.get("text").toLowerCase().split(/\s+/).filter(Boolean);
    if (terms.length && !words) words = new Map(all.map((row) => [row, row.textContent.toLowerCase()]));
    found = all.filter(
      (row) =>
        severities.has(row.dataset.severity) &&
        selects.every((name) => !asked.get(name) || asked.get(name) === row.dataset[name]) &&
        (!asked.has("fix") || "fix" in row.dataset) &&
        (asked.has("suppressed") || !("suppressed" in row.dataset)) &&
        terms.every((term) => words.get(row).includes(term)),
    );
    sort();
  }

  function sort() {
    const sign = order.down ? -1 : 1;
    found.sort((a, b) => sign * compare[order.key](a, b) || (order.key === "place" ? sign : 1) * (a.dataset.place - b.dataset.place));
    turn(0);
  }

  function show(rows) {
    shown.forEach((row) => row.classList.remove("on"));
    shown = rows;
    shown.forEach((row) => row.classList.add("on"));
    table.append(...shown);
  }

  function turn(to) {
    page = to;
    const first = page * pageSize;
    show(found.slice(first, first + pageSize));
    const last = first + shown.length;
    const of = found.length === all.length ? "" : " (" + number(all.length) + " in all)";
    byId("shown").textContent = found.length
      ? "Findings " + number(first + 1) + " to " + number(last) + " of " + number(found.length) + of
      : "No findings" + of;
    byId("before").disabled = page === 0;
    byId("after").disabled = last >= found.length;
    byId("none").hidden = found.length > 0;
    table.hidden = found.length === 0;
    label();
  }

  const details = () => shown.map((row) => row.querySelector("details"));
  const allOpen = () => shown.length > 0 && details().every((one) => one.open);
  function label() {
    byId("open").textContent = allOpen() ? "Close all" : "Open all";
  }

  for (const head of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const key = head.dataset.sort;
      order = { key, down: order.key === key && !order.down };
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", order.down ? "descending" : "ascending");
      sort();
    });
  }
  for (const link of document.querySelectorAll("[data-filter]")) {
    link.addEventListener("click", () => {
      form.reset();
      form.elements[link.dataset.filter].value = link.dataset.value;
      search();
      byId("findings").focus({ preventScroll: true });
    });
  }
  let waiting = 0;
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 120);
  });
  form.addEventListener("reset", () => setTimeout(search));
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const [id, step] of [["before", -1], ["after", 1]]) {
    byId(id).addEventListener("click", () => {
      turn(page + step);
      byId("findings").scrollIntoView();
    });
  }
  byId("open").addEventListener("click", () => {
    const open = !allOpen();
    details().forEach((one) => (one.open = open));
    label();
  });
  addEventListener("beforeprint", () => show(found));
  addEventListener("afterprint", () => turn(page));

  form.hidden = false;
  byId("paging").hidden = false;
  search();
});
