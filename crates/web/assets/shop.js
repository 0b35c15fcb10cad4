// What pages do beyond what they do without scripts: local times, countdowns, a cart that fills
// without a reload, forms that send themselves or once only, and completion in the search box.
"use strict";

const language = document.documentElement.lang;

function showLocalTimes(root) {
  const format = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  for (const time of root.querySelectorAll("time[data-local]")) {
    time.textContent = format.format(new Date(time.dateTime));
  }
}

const isChinese = language.startsWith("zh");

function timeLeft(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const days = Math.floor(seconds / 86400);
  if (days >= 2) return isChinese ? `${days} 天` : `${days} days`;
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

function countDown() {
  const clocks = [...document.querySelectorAll("time[data-countdown]")];
  if (clocks.length === 0) return;
  const tick = () => {
    for (const clock of clocks) {
      const left = new Date(clock.dateTime) - Date.now();
      clock.textContent = timeLeft(left);
      // From that instant on the order is another: the page is shown anew, once.
      if (left <= 0 && clock.dataset.over === undefined) {
        clock.dataset.over = "";
        if (left > -5000) setTimeout(() => location.reload(), 1500);
      }
    }
  };
  tick();
  setInterval(tick, 1000);
}

function toast(words) {
  const box = document.querySelector("[data-toast]");
  box.textContent = words;
  box.classList.add("shown");
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => box.classList.remove("shown"), 4000);
}

async function addToCart(form) {
  const answer = await fetch(form.action, {
    method: "POST",
    body: new URLSearchParams(new FormData(form)),
    headers: { Accept: "application/json" },
  });
  if (!answer.ok) throw new Error(answer.status);
  const { count, words } = await answer.json();
  for (const badge of document.querySelectorAll("[data-cart-count]")) {
    badge.textContent = count;
    badge.hidden = count === 0;
  }
  toast(words);
}

// Sends a form and takes what the answer shows into this page: whoever is in the middle of the form
// stays there.
async function sendInPlace(form, submitter) {
  const fields = new URLSearchParams(new FormData(form, submitter));
  const isGet = form.method === "get";
  const number = ++sendInPlace.sent;
  const answer = isGet
    ? await fetch(`${form.action}?${fields}`)
    : await fetch(form.action, { method: "POST", body: fields });
  const type = answer.headers.get("content-type") ?? "";
  if (!answer.ok || !type.startsWith("text/html")) throw new Error(answer.status);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  // A later one tells more.
  if (number !== sendInPlace.sent) return;
  // Another page altogether, such as to sign in, is gone to.
  const here = new URL(isGet ? form.action : location).pathname;
  if (new URL(answer.url).pathname !== here && answer.redirected) return location.assign(answer.url);
  const main = page.querySelector("main");
  const focused = document.activeElement?.id;
  document.querySelector("main").replaceWith(main);
  document.title = page.title;
  const badge = page.querySelector("[data-cart-count]");
  if (badge) document.querySelector("[data-cart-count]").replaceWith(badge);
  if (isGet) history.pushState(null, "", answer.url);
  sendInPlace.shown = address();
  prepare(main);
  // What was taken out of the cart can't be gone back to.
  ((focused && document.getElementById(focused)) || main).focus({ preventScroll: true });
  say(main.querySelector("[data-sum]")?.textContent ?? "");
}
sendInPlace.sent = 0;
// Which page is shown.
sendInPlace.shown = address();

function address() {
  return location.pathname + location.search;
}

// As without scripts: with the button that was pressed.
function sendPlainly(form, submitter) {
  if (submitter?.name) {
    const pressed = document.createElement("input");
    pressed.type = "hidden";
    pressed.name = submitter.name;
    pressed.value = submitter.value;
    form.append(pressed);
  }
  form.submit();
}

// Tells those who listen and don't look.
function say(words) {
  document.querySelector("[data-toast]").textContent = words;
}

function prepare(root) {
  showLocalTimes(root);
  for (const button of root.querySelectorAll("form[data-auto] [data-auto-hide]")) button.hidden = true;
}

function wireForms() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.matches("form[data-cart]")) {
      event.preventDefault();
      // Whatever goes wrong, the form itself still works.
      addToCart(form).catch(() => form.submit());
    } else if (form.matches("form[data-auto]")) {
      event.preventDefault();
      sendInPlace(form, event.submitter).catch(() => sendPlainly(form, event.submitter));
    }
  });
  // Not what is typed where more is to be typed beside it, such as the ends of a range.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-auto]");
    if (form && !event.target.matches(".range input")) form.requestSubmit();
  });
  // The way back to what was replaced in place; a jump within the page is none.
  addEventListener("popstate", () => {
    if (address() !== sendInPlace.shown) location.reload();
  });
  for (const form of document.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent !== undefined) return event.preventDefault();
      form.dataset.sent = "";
    });
  }
  // A page that comes back from the browser's memory may be sent again.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
}

function wireChoices() {
  const choices = document.querySelectorAll(".choices input[type=radio]");
  const show = () => {
    for (const choice of choices) {
      const part = choice.dataset.reveal && document.getElementById(choice.dataset.reveal);
      if (part) part.hidden = !choice.checked;
    }
  };
  for (const choice of choices) choice.addEventListener("change", show);
  show();
}

// Photographs of phones are large: a picture is made as small as it is shown, at twice the density.
async function shrunk(file) {
  if (file.size < 300_000 || file.type === "image/gif") return file;
  const picture = await createImageBitmap(file);
  const scale = Math.min(1, 1200 / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
  if (!blob || blob.size >= file.size) return file;
  return new File([blob], "picture.jpg", { type: blob.type });
}

async function shrink(input) {
  const chosen = [...input.files];
  const small = new DataTransfer();
  for (const file of chosen) {
    // What can't be made smaller is sent as it is.
    small.items.add(await shrunk(file).catch(() => file));
  }
  // Meanwhile others may have been chosen.
  const isSame = chosen.every((file, place) => input.files[place] === file);
  if (isSame && input.files.length === chosen.length) input.files = small.files;
}

function wireFiles() {
  for (const input of document.querySelectorAll("input[data-shrink]")) {
    input.addEventListener("change", () => shrink(input).catch(() => {}));
  }
}

// Completion as the pattern of a combobox with a list: arrows choose, Enter searches.
function wireCompletion(input, number) {
  const list = document.createElement("ul");
  list.id = `completions-${number}`;
  list.className = "completions";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", input.labels[0]?.textContent ?? "");
  list.hidden = true;
  input.after(list);
  const set = (name, value) => input.setAttribute(name, value);
  set("role", "combobox");
  set("aria-autocomplete", "list");
  set("aria-controls", list.id);
  set("aria-expanded", "false");
  let chosen = -1;
  let asked = 0;
  let timer;

  const close = () => {
    list.hidden = true;
    chosen = -1;
    set("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const choose = (place) => {
    const options = [...list.children];
    options[chosen]?.setAttribute("aria-selected", "false");
    chosen = (place + options.length) % options.length;
    options[chosen].setAttribute("aria-selected", "true");
    set("aria-activedescendant", options[chosen].id);
  };
  const take = (text) => {
    input.value = text;
    close();
    input.form.requestSubmit();
  };
  const show = (texts) => {
    list.replaceChildren(
      ...texts.map((text, place) => {
        const option = document.createElement("li");
        option.id = `${list.id}-${place}`;
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", "false");
        option.textContent = text;
        option.addEventListener("mousedown", (event) => {
          event.preventDefault();
          take(text);
        });
        return option;
      }),
    );
    chosen = -1;
    list.hidden = texts.length === 0;
    set("aria-expanded", String(!list.hidden));
  };
  const ask = async () => {
    const typed = input.value.trim();
    const number = ++asked;
    if (typed === "") return close();
    const answer = await fetch(`${input.dataset.complete}?q=${encodeURIComponent(typed)}`);
    const found = answer.ok ? await answer.json() : [];
    const texts = (Array.isArray(found) ? found : (found.suggestions ?? []))
      .map((entry) => (typeof entry === "string" ? entry : entry.text))
      .filter(Boolean);
    // Answers may overtake each other, and the box may have been left.
    if (number === asked && document.activeElement === input) show(texts.slice(0, 8));
  };
  const askSoon = () => {
    clearTimeout(timer);
    timer = setTimeout(() => ask().catch(close), 120);
  };
  // While Chinese is being composed the keys are the input method's, and what stands there is
  // half a word.
  input.addEventListener("input", (event) => event.isComposing || askSoon());
  input.addEventListener("compositionend", askSoon);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (list.hidden || event.isComposing) return;
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen < 0 ? -1 : chosen - 1);
    else if (event.key === "Escape") close();
    else if (event.key === "Enter" && chosen >= 0) take(list.children[chosen].textContent);
    else return;
    event.preventDefault();
  });
}

prepare(document);
countDown();
wireForms();
wireChoices();
wireFiles();
document.querySelectorAll("input[data-complete]").forEach(wireCompletion);
