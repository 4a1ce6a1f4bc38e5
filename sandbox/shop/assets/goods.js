// The shelf, and buying one thing from it.
import { attempt, get, isMe, me, post, rows } from "./api.js";
import { action, field, h, modal, newKey, show, staying, toast, yuan } from "./dom.js";
import { loginDialog } from "./people.js";
import { storyOf, t, titleOf } from "./words.js";

const ADDRESS = "shop.address";
const FIRST_ADDRESS = {
  shipping_name: "林爱丽", shipping_phone: "13800138000", shipping_address: "上海市徐汇区武康路 100 弄 2 号 301 室", shipping_postal_code: "200031",
};

export async function goodsView(main, redraw) {
  const isHere = staying(main);
  const answer = await attempt(() => get("/api/product/"));
  if (!isHere()) return;
  const goods = rows(answer);
  if (!goods.length) return show(main, nothing());
  show(main,
    h("section", { class: "hero" }, h("h1", {}, t("shop")), h("p", {}, t("motto"))),
    h("section", { class: "shelf", testid: "shelf" }, goods.map((product) => card(product, redraw))));
}

function nothing() {
  const gateway = location.port === "9080" ? null : h("p", {}, t("gateway_hint"), " ", h("a", { href: "http://127.0.0.1:9080/" }, "http://127.0.0.1:9080"));
  return h("section", { class: "empty" }, h("p", {}, t("offline")), gateway);
}

function card(product, redraw) {
  const left = product.stock > 0 ? t("left", product.stock) : t("sold_out");
  return h("button", { class: "good", type: "button", testid: `product-${product.product_id}`, onclick: () => productDialog(product, redraw) },
    picture(product),
    h("span", { class: "good-text" },
      h("b", {}, titleOf(product)), h("span", { class: "soft story" }, storyOf(product)),
      h("span", { class: "line" }, h("span", { class: "price" }, yuan(product.price)), h("small", { class: "soft", testid: `stock-${product.product_id}` }, left))));
}

const picture = (product) => h("img", { src: product.media?.[0]?.media ?? "/shop/mark.svg", alt: "", loading: "lazy", width: 400, height: 400 });

function productDialog(product, redraw) {
  modal("product-dialog", (close) => {
    const form = orderForm(product, close, redraw);
    return h("div", { class: "product" },
      h("div", { class: "product-picture" }, picture(product)),
      h("div", { class: "product-text" },
        h("button", { class: "close", type: "button", "aria-label": "×", testid: "dialog-close", onclick: close }, "×"),
        h("h2", {}, titleOf(product)), h("p", { class: "soft" }, storyOf(product)),
        h("p", { class: "price big" }, yuan(product.price)), h("p", { class: "soft small" }, `${t("seller_is", product.user_info?.username)} · ${t("left", product.stock)}`),
        form));
  });
}

function orderForm(product, close, redraw) {
  const kept = JSON.parse(localStorage.getItem(ADDRESS) ?? "null") ?? FIRST_ADDRESS;
  const quantity = h("input", { type: "number", min: 1, max: Math.max(1, product.stock), value: 1, testid: "quantity", inputmode: "numeric" });
  const total = h("b", { class: "price", testid: "order-total" }, yuan(product.price));
  quantity.addEventListener("input", () => { total.textContent = yuan(product.price * (Number(quantity.value) || 0)); });
  const inputs = {
    shipping_name: h("input", { value: kept.shipping_name, testid: "ship-name", required: true, maxlength: 50 }),
    shipping_phone: h("input", { value: kept.shipping_phone, testid: "ship-phone", required: true, maxlength: 20, inputmode: "tel" }),
    shipping_address: h("input", { value: kept.shipping_address, testid: "ship-address", required: true, maxlength: 200 }),
    shipping_postal_code: h("input", { value: kept.shipping_postal_code, testid: "ship-postal", maxlength: 10 }),
    remark: h("input", { value: "", testid: "remark", maxlength: 200, placeholder: t("optional") }),
  };
  const key = newKey();
  const place = async () => {
    const typed = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.value.trim()]));
    const { remark, ...address } = typed;
    localStorage.setItem(ADDRESS, JSON.stringify(address));
    const answer = await attempt(() => post("/api/orders/", orderBody(product, Number(quantity.value), address, remark), key));
    if (!answer) return;
    close();
    toast(t("placed"));
    location.hash = `#/orders/${answer.data.order_id}`;
  };
  const button = action(t("place"), place, { class: "primary", testid: "place-order" });
  const foot = me()
    ? isMe(product.user_info?.user_id) ? h("span", { class: "soft" }, t("own")) : button
    : h("button", { class: "primary", type: "button", testid: "login-to-buy", onclick: () => { close(); loginDialog(redraw); } }, t("login"));
  return h("form", { class: "order-form", onsubmit: (event) => event.preventDefault() },
    h("div", { class: "two" }, field(t("name"), inputs.shipping_name), field(t("phone"), inputs.shipping_phone)),
    field(t("address"), inputs.shipping_address),
    h("div", { class: "two" }, field(t("postal"), inputs.shipping_postal_code), field(t("quantity"), quantity)),
    field(t("remark"), inputs.remark),
    h("div", { class: "checkout" }, h("span", {}, `${t("total")} `, total), foot));
}

// The price goes along only so that the shop can say when it has changed meanwhile; the server sets it.
function orderBody(product, quantity, address, remark) {
  return {
    products: [{ product_uuid: product.product_uuid, quantity, price: product.price }],
    seller_uuid: product.user_info.user_id, payment_method: 0, remark, ...address,
  };
}
