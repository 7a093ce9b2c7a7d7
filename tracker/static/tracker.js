// What makes pages quicker and safer to fill in. Every page works without it.
"use strict";

// A rejected form: say at once what to mend, and lead to it.
function leadToErrors() {
  const summary = document.querySelector("[data-error-summary]");
  if (!summary) return;
  summary.focus();
  summary.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    const field = link && document.getElementById(link.hash.slice(1));
    if (!field) return;
    event.preventDefault();
    const group = field.closest("fieldset") || field.closest(".nhsuk-form-group") || field;
    group.scrollIntoView();
    field.focus({ preventScroll: true });
  });
}

// An alarming answer shows what to do the moment it is given, and not only after saving.
function watchAlarmingAnswers() {
  for (const panel of document.querySelectorAll("[data-alert-field]")) {
    const answers = [...document.getElementsByName(panel.dataset.alertField)];
    const atLeast = Number(panel.dataset.alertAtLeast);
    const look = () => {
      const given = answers.find((answer) => answer.checked);
      panel.hidden = !(given && Number(given.value) >= atLeast);
    };
    for (const answer of answers) answer.addEventListener("change", look);
    look();
  }
}

// One tap puts a usual number into its box.
function offerQuickValues() {
  for (const button of document.querySelectorAll("[data-fill]")) {
    const box = document.getElementById(button.dataset.fill);
    const mark = () => button.setAttribute("aria-pressed", String(box.value === button.dataset.value));
    button.parentElement.hidden = false;
    button.addEventListener("click", () => {
      box.value = button.dataset.value;
      box.dispatchEvent(new Event("input", { bubbles: true }));
    });
    box.addEventListener("input", mark);
    mark();
  }
}

// A ruler beside a number box: each follows the other, and an untouched ruler answers nothing.
function offerSliders() {
  for (const ruler of document.querySelectorAll("[data-slider-for]")) {
    const box = document.getElementById(ruler.dataset.sliderFor);
    const range = ruler.querySelector("input");
    const follow = () => {
      const given = box.value.trim() !== "" && Number.isInteger(Number(box.value));
      if (given) range.value = box.value;
      ruler.classList.toggle("lwk-vas__ruler--untouched", !given);
      range.setAttribute("aria-valuetext", given ? range.value : ruler.dataset.unanswered);
    };
    const give = () => {
      box.value = range.value;
      box.dispatchEvent(new Event("input", { bubbles: true }));
    };
    ruler.hidden = false;
    for (const touched of ["input", "click"]) range.addEventListener(touched, give);
    range.addEventListener("change", () => box.dispatchEvent(new Event("change", { bubbles: true })));
    box.addEventListener("input", follow);
    follow();
  }
}

// The next row of a list appears when the one before is filled in.
function offerNextRows() {
  for (const row of document.querySelectorAll("[data-after]")) {
    const before = document.getElementById(row.dataset.after);
    const used = () => [...row.querySelectorAll("select, input:checked")].some((each) => each.value !== "");
    const look = () => { row.hidden = before.value === "" && !used(); };
    before.addEventListener("change", look);
    look();
  }
}

// A second tap on a slow connection sends nothing twice. Coming back to the page lets it be sent again.
function sendOnce() {
  for (const form of document.querySelectorAll("form[data-once]")) {
    let sent = false;
    form.addEventListener("submit", (event) => {
      if (sent) event.preventDefault();
      sent = true;
    });
    window.addEventListener("pageshow", () => { sent = false; });
  }
}

// Answers are kept on the server as they are given, so that a closed page loses none. One request at a time, in order;
// what could not be sent waits for the next answer.
function keepAnswers() {
  for (const form of document.querySelectorAll("form[data-keep]")) {
    const waiting = new Set();
    const status = form.querySelector("[data-kept]");
    let sending = false;
    const tell = (words, kept) => {
      status.textContent = words;
      form.toggleAttribute("data-unkept", !kept);
    };
    const send = async () => {
      if (sending || !waiting.size) return;
      const names = [...waiting];
      const body = new URLSearchParams({ csrf_token: form.elements.csrf_token.value });
      const given = new FormData(form);
      for (const name of names) {
        for (const value of given.has(name) ? given.getAll(name) : [""]) body.append(name, value);
      }
      waiting.clear();
      sending = true;
      try {
        const answer = await fetch(form.dataset.keep, { method: "POST", body, keepalive: true, redirect: "error" });
        if (answer.status === 204) tell("The answers so far are kept.", true);
        else if (answer.status === 422) tell(`Not kept yet: ${await answer.text()}`, false);
        else throw new Error(answer.statusText);
      } catch {
        for (const name of names) waiting.add(name);
        tell("The last answers are not kept yet: no connection, or you were signed out. They are sent again with the next answer.", false);
      }
      sending = false;
    };
    form.addEventListener("change", async (event) => {
      if (!event.target.name.startsWith("item-")) return;
      waiting.add(event.target.name);
      form.toggleAttribute("data-unkept", true);
      await send();
      await send(); // what was answered meanwhile
    });
    form.addEventListener("submit", () => waiting.clear());
    window.addEventListener("online", send);
    window.addEventListener("pagehide", send);
  }
}

// A form is held on the server a moment after each change, so that a dead battery loses nothing.
function holdForms() {
  for (const form of document.querySelectorAll("form[data-hold]")) {
    let timer = null;
    const sending = new AbortController();
    const send = () => {
      if (timer === null) return;
      clearTimeout(timer);
      timer = null;
      const body = new URLSearchParams({ held_path: location.pathname });
      for (const [name, value] of new FormData(form)) if (typeof value === "string") body.append(name, value);
      fetch(form.dataset.hold, { method: "POST", body, keepalive: true, redirect: "error", signal: sending.signal }).catch(() => {});
    };
    form.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(send, 1000);
    });
    form.addEventListener("submit", (event) => {
      if (event.defaultPrevented) return;
      clearTimeout(timer);
      timer = null;
      sending.abort();
    });
    window.addEventListener("pagehide", send);
  }
}

// A number and "prefer not to say" exclude each other.
function chooseOneOrOther() {
  for (const tick of document.querySelectorAll("[data-instead-of]")) {
    const box = document.getElementById(tick.dataset.insteadOf);
    tick.addEventListener("change", () => {
      if (!tick.checked || box.value === "") return;
      box.value = "";
      box.dispatchEvent(new Event("input", { bubbles: true }));
    });
    box.addEventListener("input", () => { if (box.value !== "") tick.checked = false; });
  }
}

// One button ticks everybody; whoever ticks or unticks means those ticked and not all of them.
function tickTogether() {
  for (const group of document.querySelectorAll("[data-tick-all]")) {
    const boxes = [...group.querySelectorAll("input[type=checkbox]")];
    const button = group.querySelector("button");
    const some = document.querySelector(`input[name="${group.dataset.tickAll}"][value="some"]`);
    const every = () => boxes.every((box) => box.checked);
    const say = () => { button.textContent = every() ? "Untick all" : "Tick all"; };
    const changed = () => {
      some.checked = true;
      say();
    };
    button.hidden = false;
    button.addEventListener("click", () => {
      const ticked = !every();
      for (const box of boxes) box.checked = ticked;
      changed();
    });
    group.addEventListener("change", changed);
    say();
  }
}

// Half-filled forms are not lost by a stray tap. What came back with errors was not saved either.
function guardTyping() {
  for (const form of document.querySelectorAll("form[data-guard]")) {
    let unsaved = document.querySelector("[data-error-summary]") !== null;
    form.addEventListener("input", () => { unsaved = true; });
    form.addEventListener("submit", () => { unsaved = false; });
    // Where answers are kept as they are given, only what could not be sent would be lost.
    const atRisk = () => unsaved && (!form.dataset.keep || form.hasAttribute("data-unkept"));
    window.addEventListener("beforeunload", (event) => { if (atRisk()) event.preventDefault(); });
  }
}

// What is folded stands on paper too; where the style sheet can say so, it does.
function unfoldOnPaper() {
  if (CSS.supports("selector(::details-content)")) return;
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const each of folded) each.open = true;
  });
  window.addEventListener("afterprint", () => { for (const each of folded) each.open = false; });
}

leadToErrors();
watchAlarmingAnswers();
offerQuickValues();
offerSliders();
chooseOneOrOther();
keepAnswers();
holdForms();
offerNextRows();
sendOnce();
tickTogether();
guardTyping();
unfoldOnPaper();
