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
      panel.hidden = !given || Number(given.value) < atLeast;
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
      range.setAttribute("aria-valuetext", given ? range.value : "Not answered");
    };
    const give = () => {
      box.value = range.value;
      box.dispatchEvent(new Event("input", { bubbles: true }));
    };
    ruler.hidden = false;
    for (const touched of ["input", "click"]) range.addEventListener(touched, give);
    box.addEventListener("input", follow);
    follow();
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

// Half-filled forms are not lost by a stray tap. What came back with errors was not saved either.
function guardTyping() {
  for (const form of document.querySelectorAll("form[data-guard]")) {
    let unsaved = document.querySelector("[data-error-summary]") !== null;
    form.addEventListener("input", () => { unsaved = true; });
    form.addEventListener("submit", () => { unsaved = false; });
    window.addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
  }
}

leadToErrors();
watchAlarmingAnswers();
offerQuickValues();
offerSliders();
sendOnce();
guardTyping();
