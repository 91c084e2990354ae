// SPDX-License-Identifier: MIT
"use strict";
// Of a page that the server makes: what has changed in it is taken from the next one. Parts stay, so
// that what a reader has scrolled to or selected does, and what is spoken is only what changed.
const EVERY_MS = 2000;
const lost = document.getElementById("lost");
let wake = () => {};

async function ask(path) {
  const answer = await fetch(path, {cache: "no-store"});
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return new DOMParser().parseFromString(text, "text/html");
}

function takeParts(fresh) {
  document.title = fresh.title;
  for (const part of fresh.querySelectorAll("#live > [id]")) {
    const old = document.getElementById(part.id);
    if (old.innerHTML !== part.innerHTML) old.replaceChildren(...part.childNodes);
  }
}

// The part of the report at the top of the window, which stays there.
function place(report) {
  const above = [...report.querySelectorAll("[id]")].filter(
    part => part.getBoundingClientRect().top <= 1);
  const id = above.length > 0 ? above[above.length - 1].id : "report";
  return {id, top: document.getElementById(id).getBoundingClientRect().top};
}

async function takeReport() {
  const next = document.adoptNode((await ask("report")).getElementById("report"));
  await Promise.all([...next.querySelectorAll("img")].map(image => image.decode().catch(() => {})));
  const old = document.getElementById("report");
  const {id, top} = place(old);
  old.replaceWith(next);
  const now = document.getElementById(id);
  if (top < 0 && now) scrollBy(0, now.getBoundingClientRect().top - top);
}

async function look() {
  try {
    const fresh = await ask("live");
    const version = fresh.querySelector("[data-report]").dataset.report;
    takeParts(fresh);
    if (version !== document.getElementById("report").dataset.report) await takeReport();
    lost.hidden = true;
  } catch (error) {
    if (lost.hidden) {
      lost.textContent = `The server of this page does not answer since ${
        new Date().toLocaleTimeString()}: what is shown is older. It is asked again.`;
      lost.hidden = false;
    }
  }
}

async function keepLooking() {
  for (;;) {
    // Nobody sees a tab in the background.
    if (!document.hidden) await look();
    await new Promise(resolve => {
      wake = resolve;
      setTimeout(resolve, EVERY_MS);
    });
  }
}

document.addEventListener("visibilitychange", () => wake());
keepLooking();
