// Ticks all rows of a page. The pages work without this.
const all = document.getElementById("tick-all");
if (all) {
  const boxes = () => document.querySelectorAll('#rows input[name="code"]');
  all.hidden = false;
  all.addEventListener("change", () => boxes().forEach((box) => { box.checked = all.checked; }));
}
