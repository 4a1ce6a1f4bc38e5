// Logging in: the people of every story with one click, or by hand.
import { attempt, enter, leave, me } from "./api.js";
import { action, field, h, modal, toast } from "./dom.js";
import { t } from "./words.js";

const PASSWORD = "sandbox-demo";
const PEOPLE = [
  ["Alice", "buyer", "#2c7a63"], ["Bob", "seller", "#a87a24"], ["Olive", "operator", "#5b5f97"],
  ["Carol", "buyer2", "#3d7ea6"], ["Mallory", "stranger", "#b6563f"], ["Nina", "newcomer", "#8a6a9a"],
];

export const colourOf = (name) => PEOPLE.find(([known]) => known === name)?.[2] ?? "#6c7a75";

export function face(name, size = 34) {
  const circle = h("span", { class: "face", "aria-hidden": "true" }, (name ?? "?")[0]);
  circle.style.background = colourOf(name);
  circle.style.width = circle.style.height = `${size}px`;
  return circle;
}

export function loginDialog(onEntered) {
  modal("login-dialog", (close) => {
    const enterAs = (address, password) => attempt(async () => {
      await enter(address, password);
      close();
      toast(t("welcome", me().username));
      onEntered();
    });
    const email = h("input", { type: "email", testid: "login-email", autocomplete: "username", required: true });
    const password = h("input", { type: "password", testid: "login-password", autocomplete: "current-password", required: true });
    const people = PEOPLE.map(([name, role]) =>
      h("button", { class: "person", type: "button", testid: `login-${name.toLowerCase()}`, onclick: () => enterAs(`${name.toLowerCase()}@example.com`, PASSWORD) },
        face(name, 40), h("span", {}, h("b", {}, name), h("small", {}, t(role)))));
    const form = h("form", { class: "by-hand", onsubmit: (event) => { event.preventDefault(); enterAs(email.value, password.value); } },
      field(t("email"), email), field(t("password"), password), h("button", { class: "quiet", testid: "login-submit" }, t("login")));
    return [
      h("h2", {}, t("who")), h("p", { class: "soft" }, t("one_click")), h("div", { class: "people" }, people),
      h("details", {}, h("summary", {}, t("or_form")), form),
    ];
  });
}

export function leaveButton(onLeft) {
  return action(t("logout"), async () => { leave(); onLeft(); }, { class: "link", testid: "logout" });
}
