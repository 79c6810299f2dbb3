/** The style of the panel. Into a shadow tree, only what is inherited comes from the page, and `all` resets that. */
export const STYLE = `
.panel {
  all: initial;
  color-scheme: light dark;
  --ink: light-dark(#1b1f24, #e6e9ee);
  --paper: light-dark(#fff, #16191d);
  --line: light-dark(#c9ced6, #3a414b);
  --quiet: light-dark(#59636e, #9aa4b1);
  --accent: light-dark(#0550ae, #79b8ff);
  --good: light-dark(#116329, #57ab5a);
  --bad: light-dark(#a40e26, #ff7b72);
  font: 13px/1.4 system-ui, sans-serif;
  color: var(--ink);
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
.corner {
  position: fixed;
  inset: auto 12px 12px auto;
  z-index: 2147483647;
  display: flex;
  align-items: center;
  gap: 8px;
  padding: 4px 4px 4px 10px;
  border: 1px solid var(--line);
  border-radius: 8px;
  background: var(--paper);
}
.corner::before { content: ''; width: 8px; height: 8px; border-radius: 50%; background: var(--quiet); }
[data-state='open'] .corner::before { background: var(--good); }
[data-state='waiting'] .corner::before, [data-state='closed'] .corner::before { background: var(--bad); }
button, input {
  font: inherit;
  color: inherit;
  background: transparent;
  border: 1px solid var(--line);
  border-radius: 6px;
  padding: 3px 9px;
}
button { cursor: pointer; }
button[aria-pressed='true'] { border-color: var(--accent); color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
section {
  position: fixed;
  inset: auto 0 0 0;
  z-index: 2147483646;
  height: min(44vh, 420px);
  display: flex;
  flex-direction: column;
  background: var(--paper);
  border-top: 1px solid var(--line);
}
dl { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 0; padding: 8px 12px 0; }
dl div { display: flex; gap: 6px; min-width: 0; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
.tools { display: flex; flex-wrap: wrap; gap: 6px; padding: 8px 12px; }
.tools input { flex: 1 1 140px; min-width: 0; }
ol { flex: 1; overflow: auto; margin: 0; padding: 0 12px 52px; list-style: none; border-top: 1px solid var(--line); }
li { border-bottom: 1px solid var(--line); }
summary { display: flex; gap: 10px; padding: 3px 0; cursor: pointer; white-space: nowrap; overflow: hidden; }
summary b { flex: none; }
summary span { overflow: hidden; text-overflow: ellipsis; }
details[open] summary span { display: none; }
time, code { flex: none; color: var(--quiet); font: 12px/1.5 ui-monospace, monospace; }
pre { margin: 0 0 8px; white-space: pre-wrap; overflow-wrap: anywhere; font: 12px/1.5 ui-monospace, monospace; }
.own b, .state b { color: var(--quiet); }
.reset b { color: var(--bad); }
@media (max-width: 600px) {
  section { height: 60vh; }
  summary { flex-wrap: wrap; gap: 0 10px; }
  summary span { flex: 1 0 100%; }
}
`;
