// What makes pages nicer where scripts run. Everything works without it.
"use strict";

// An error summary is what the person must read first.
document.querySelector("#notices.failed")?.focus();

// Links of the summary lead into the field, not only to it.
document.querySelectorAll("#notices a[href^='#']").forEach((link) => {
  link.addEventListener("click", (event) => {
    const field = document.getElementById(link.hash.slice(1));
    if (field) {
      event.preventDefault();
      field.focus();
    }
  });
});

// Escape closes an open confirmation, and only one is open at a time.
const confirmations = document.querySelectorAll("details.confirm");
confirmations.forEach((one) => {
  one.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && one.open) {
      one.open = false;
      one.querySelector("summary").focus();
    }
  });
  one.addEventListener("toggle", () => {
    if (one.open) {
      confirmations.forEach((other) => { if (other !== one) other.open = false; });
    }
  });
});

// A file that the server would refuse is refused before it has been sent.
document.querySelectorAll("input[type=file][data-limit]").forEach((input) => {
  const limit = Number(input.dataset.limit);
  input.addEventListener("change", () => {
    const file = input.files[0];
    const tooLarge = file && file.size > limit;
    input.setCustomValidity(tooLarge ? "This file is larger than " + limit / (1 << 20) + " MiB." : "");
    if (tooLarge) input.reportValidity();
  });
});

// A second click does not send a form twice. The back button brings the form back usable.
document.querySelectorAll("form[method=post]").forEach((form) => {
  let sent = false;
  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
  });
  addEventListener("pageshow", () => { sent = false; });
});
