// Ticks all rows of a page. The pages work without this.
const all = document.getElementById("tick-all");
if (all) {
  const boxes = () => document.querySelectorAll('#rows input[name="code"]');
  all.hidden = boxes().length === 0;
  all.addEventListener("change", () => boxes().forEach((box) => { box.checked = all.checked; }));
}

// The list of channels refreshes itself: not in a hidden tab, not without a change, not while a text in it is selected.
document.body.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target.id === "channels" && document.hidden) event.preventDefault();
});
// A page that refreshes itself says so if nothing answers, and loads anew if the pages no longer know what it shows.
const answers = (does) => () => { document.getElementById("no-answer").hidden = does; };
document.body.addEventListener("htmx:sendError", answers(false));
document.body.addEventListener("htmx:beforeOnLoad", answers(true));
document.body.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 404) location.reload();
});
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (!event.detail.shouldSwap) return;
  const old = event.detail.target, selection = getSelection();
  const fresh = new DOMParser().parseFromString(event.detail.serverResponse, "text/html").getElementById(old.id);
  if (!fresh) location.reload();  // another page, such as the log-in of a proxy
  const isBusy = old.id === "channels" && !selection.isCollapsed && selection.containsNode(old, true);
  if (!fresh || fresh.innerHTML === old.innerHTML || isBusy) event.detail.shouldSwap = false;
});
