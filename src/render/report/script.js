// The table of last access: searched, sorted, and only as much of it in the page as is seen. Without this script its first rows stand
// in the page. Text goes in as text only.
"use strict";
// What an address in the page leads to is opened, if it is folded.
const unfold = () => {
  const target = document.getElementById(location.hash.slice(1));
  for (let around = target?.closest("details"); around; around = around.parentElement.closest("details")) around.open = true;
  target?.scrollIntoView();
};
window.addEventListener("hashchange", unfold);
if (location.hash) unfold();

(() => {
  const byId = (id) => document.getElementById(id);
  const source = byId("access-data");
  if (!source) return;
  const { offset, printed, services, stores, flags, rows } = JSON.parse(source.textContent);
  const [box, table, find, found] = ["access-box", "access-table", "access-find", "access-found"].map(byId);
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  // Rows above and below those that are seen.
  const SPARE = 12;

  // A time is seconds, or seconds and its own offset; null if unknown.
  const at = (time) => (Array.isArray(time) ? time[0] : time ?? -Infinity);
  const later = (a, b) => (at(b) >= at(a) ? b : a);
  const two = (n) => String(n).padStart(2, "0");
  const show = (time) => {
    const own = Array.isArray(time) ? time[1] : offset;
    const digits = new Date((at(time) + own * 60) * 1000).toISOString().replace("T", " ").replace(/\.\d+Z$/, "");
    if (own === offset) return digits;
    const minutes = Math.abs(own);
    return `${digits} ${own < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`;
  };

  // Each row with what its columns show: user, times and texts.
  const users = rows.map(([user, accesses, section]) => {
    const seen = accesses.filter((access) => access);
    const login = seen.reduce((last, access) => later(last, access[0]), null);
    const logout = seen.reduce((last, access) => later(last, access[1]), null);
    const latest = later(login, logout);
    const last = seen.find((access) => at(access[0]) === at(latest) || at(access[1]) === at(latest));
    const one = { user, section, login, logout, latest };
    for (const n of services) one[`service${n}`] = accesses[n] ? later(accesses[n][0], accesses[n][1]) : null;
    one.store = last ? stores[last[2]] : "";
    const names = seen.flatMap((access) => (flags[access[3]] ? flags[access[3]].split(", ") : []));
    one.flags = [...new Set(names)].sort().join(", ");
    one.text = `${user}\n${one.store}`.toLowerCase();
    return one;
  });
  const isText = (key) => key === "user" || key === "store" || key === "flags";

  let shown = users;
  let sorted = { key: "user", down: false };
  let height = 0;

  const cell = (one, key) => {
    const td = document.createElement(key === "user" ? "th" : "td");
    if (key === "user") {
      td.scope = "row";
      td.className = "name";
      td.title = one.user;
      if (one.section === undefined) {
        td.textContent = one.user;
      } else {
        const link = document.createElement("a");
        link.href = `#user${one.section}`;
        link.textContent = one.user;
        td.append(link);
      }
    } else if (isText(key)) {
      td.textContent = one[key];
    } else if (one[key] === null) {
      const never = document.createElement("span");
      never.className = "none";
      never.textContent = "never";
      td.append(never);
    } else {
      td.textContent = show(one[key]);
    }
    return td;
  };

  const keys = heads.map((head) => head.dataset.key);
  const row = (one, n) => {
    const tr = document.createElement("tr");
    // The heading is the first row.
    tr.setAttribute("aria-rowindex", n + 2);
    tr.append(...keys.map((key) => cell(one, key)));
    return tr;
  };

  // Stands for rows that are not in the page.
  const space = (count) => {
    const tr = document.createElement("tr");
    tr.setAttribute("aria-hidden", "true");
    const td = document.createElement("td");
    td.colSpan = keys.length;
    td.style.cssText = `height:${count * height}px;padding:0;border:0`;
    tr.append(td);
    return tr;
  };

  const fill = (first, last) => {
    const part = document.createDocumentFragment();
    if (first > 0) part.append(space(first));
    for (let n = first; n < last; n += 1) part.append(row(shown[n], n));
    if (last < shown.length) part.append(space(shown.length - last));
    body.replaceChildren(part);
  };

  const measure = () => {
    height = body.querySelector("tr:not([aria-hidden])")?.getBoundingClientRect().height || height;
  };

  let drawn = "";
  const draw = () => {
    const seen = Math.ceil(box.clientHeight / height);
    const top = Math.min(Math.floor(box.scrollTop / height), Math.max(shown.length - seen, 0));
    // In steps, so that not every small move makes rows.
    const first = Math.max(top - (top % SPARE) - SPARE, 0);
    const last = Math.min(first + seen + 3 * SPARE, shown.length);
    const wanted = `${first} ${last}`;
    if (wanted === drawn) return;
    drawn = wanted;
    fill(first, last);
  };

  // Rows by a column. Each is one number, its rank and then its place among those of that rank, since numbers are sorted fastest. What is
  // empty comes last either way.
  const ordered = (some, key, down) => {
    const value = isText(key) ? (one) => one[key] : (one) => at(one[key]);
    const distinct = [...new Set(some.map(value))].filter((one) => one !== "" && one !== -Infinity);
    const ranks = new Map();
    (isText(key) ? distinct.sort() : Float64Array.from(distinct).sort()).forEach((one, rank) => ranks.set(one, rank));
    const rank = (one) => ranks.get(value(one)) ?? (down ? -1 : ranks.size);
    const places = Float64Array.from(some, (one, n) => (down ? ranks.size - rank(one) : rank(one)) * some.length + n);
    return Array.from(places.sort(), (place) => some[place % some.length]);
  };

  const refresh = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter((word) => word);
    shown = users.filter((one) => words.every((word) => one.text.includes(word)));
    const { key, down } = sorted;
    // Users are in order from the beginning.
    if (key !== "user") shown = ordered(shown, key, down);
    else if (down) shown.reverse();
    for (const head of heads) {
      if (head.dataset.key === key) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    table.setAttribute("aria-rowcount", shown.length + 1);
    const all = users.length.toLocaleString("en");
    found.textContent = shown.length === users.length ? `${all} users` : `${shown.length.toLocaleString("en")} of ${all} users`;
    box.scrollTop = 0;
    drawn = "";
    draw();
  };

  for (const head of heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const { key } = head.dataset;
      // Times are wanted latest first.
      sorted = { key, down: sorted.key === key ? !sorted.down : !isText(key) };
      refresh();
    });
  }
  find.addEventListener("input", refresh);
  box.addEventListener("scroll", draw, { passive: true });
  window.addEventListener("resize", () => { measure(); drawn = ""; draw(); });
  window.addEventListener("beforeprint", () => fill(0, Math.min(shown.length, printed)));
  window.addEventListener("afterprint", () => { drawn = ""; draw(); });

  byId("access-search").hidden = false;
  byId("access-plain")?.remove();
  measure();
  refresh();
})();
