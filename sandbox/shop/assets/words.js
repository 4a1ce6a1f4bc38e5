// Every word the page says, twice.
const WORDS = {
  zh: {
    shop: "青檐小铺", motto: "好物慢慢挑", goods: "店铺", orders: "我的订单", sold: "卖出的", reviews: "风控审核", notices: "通知",
    login: "登录", logout: "退出", who: "以谁的身份？", one_click: "点一下就登录，密码都是 sandbox-demo", or_form: "或者自己输入", email: "邮箱", password: "密码",
    buyer: "买家", buyer2: "另一位买家", seller: "卖家", stranger: "外人，什么都不该看到", operator: "运营与风控", newcomer: "新开的账户",
    left: "余 {n}", sold_out: "售罄", buy: "购买", quantity: "数量", total: "合计", place: "提交订单", own: "自己的商品不能买",
    name: "收货人", phone: "电话", address: "地址", postal: "邮编", remark: "备注", optional: "选填", placed: "订单已提交",
    none_orders: "还没有订单，去挑一件喜欢的吧。", none_sold: "还没有卖出订单。", none_reviews: "没有等待审核的付款。", none_notices: "没有通知。", login_first: "先登录，再看这里。", no_such_order: "没有这个订单，或者它不是你的。",
    all: "全部", s0: "待付款", s1: "已付款", s2: "已完成", s3: "已取消",
    pending: "待付款", paid: "待发货", shipped: "运输中", delivered: "已送达", completed: "已完成", cancelled: "已取消", cancelling: "取消中", review: "付款审核中",
    unpaid: "未付款", authorized: "已授权", p_paid: "已付款", part_refunded: "部分退款", refunded: "已退款",
    step_place: "下单", step_pay: "付款", step_ship: "发货", step_receive: "收货", step_done: "完成",
    pay: "去支付", pay_again: "重新支付", cancel: "取消订单", confirm: "确认收货", refund: "申请退款", ship: "发货", hide: "删除订单", back: "返回",
    refund_amount: "退款金额", refund_reason: "退款原因", refund_send: "提交退款", refunded_of: "已退 {n}", cancel_reason: "取消原因", think_again: "再想想", sure: "确定",
    r_change: "不想要了", r_wrong: "信息填错了", r_price: "价格问题", r_late: "太慢了", r_flaw: "有瑕疵",
    carrier: "快递公司", tracking: "快递单号", auto_number: "留空自动生成",
    order_no: "订单号", order_time: "下单时间", paid_time: "付款时间", pay_before: "请在 {n} 内付款", receiver: "收货信息", timeline: "经过", logistics: "物流", amount: "实付", items: "商品", cancelled_why: "取消原因：{n}",
    under_review: "这笔付款正在接受风控审核，放行后可以继续支付。", refund_sent: "退款已提交", cancelled_now: "取消已提交", done_now: "已确认收货", shipped_now: "已发货",
    release: "放行", stop: "拦截", score: "风险分", reasons: "原因", decided: "已处理", reason: "说明", waits: "等待审核", to_decide: "待审核", earlier: "已处理的",
    refunds_open: "等待处理的退款", approve: "同意", reject: "拒绝", read_all: "全部已读", unread: "未读",
    offline: "连不上服务，请稍后再试。", gateway_hint: "这个页面要从网关打开：", footer: "沙箱商店：演示订单、支付、通知三个服务，不产生真实扣款。", more: "更多", page: "第 {n} 页", next: "下一页", previous: "上一页",
    told_you: "通知：", refund_asked: "退款 {n}：等卖家同意", refund_going: "退款 {n}：处理中",
    seller_is: "卖家 {n}", buyer_is: "买家", welcome: "{n}，你好",
  },
  en: {
    shop: "Qingyan", motto: "good things, slowly chosen", goods: "Shop", orders: "My orders", sold: "Sold", reviews: "Reviews", notices: "Notifications",
    login: "Log in", logout: "Log out", who: "Who are you today?", one_click: "One click logs you in; every password is sandbox-demo", or_form: "Or type it yourself", email: "E-mail", password: "Password",
    buyer: "Buyer", buyer2: "Another buyer", seller: "Seller", stranger: "Outsider: should see nothing", operator: "Operations and risk", newcomer: "A brand-new account",
    left: "{n} left", sold_out: "Sold out", buy: "Buy", quantity: "Quantity", total: "Total", place: "Place order", own: "Your own goods",
    name: "Receiver", phone: "Phone", address: "Address", postal: "Postal code", remark: "Remark", optional: "optional", placed: "Order placed",
    none_orders: "No orders yet. Choose something you like.", none_sold: "Nothing sold yet.", none_reviews: "No payment waits for review.", none_notices: "No notifications.", login_first: "Log in to see this.", no_such_order: "There is no such order, or it is not yours.",
    all: "All", s0: "To pay", s1: "Paid", s2: "Completed", s3: "Cancelled",
    pending: "To pay", paid: "To be shipped", shipped: "On its way", delivered: "Delivered", completed: "Completed", cancelled: "Cancelled", cancelling: "Cancelling", review: "Payment in review",
    unpaid: "Unpaid", authorized: "Authorized", p_paid: "Paid", part_refunded: "Partly refunded", refunded: "Refunded",
    step_place: "Placed", step_pay: "Paid", step_ship: "Shipped", step_receive: "Received", step_done: "Done",
    pay: "Pay", pay_again: "Pay again", cancel: "Cancel order", confirm: "Confirm receipt", refund: "Ask for a refund", ship: "Ship", hide: "Remove from list", back: "Back",
    refund_amount: "Amount to refund", refund_reason: "Reason", refund_send: "Send", refunded_of: "{n} refunded", cancel_reason: "Why cancel?", think_again: "Keep it", sure: "Yes",
    r_change: "Changed my mind", r_wrong: "Wrong details", r_price: "The price", r_late: "Too slow", r_flaw: "It has a flaw",
    carrier: "Carrier", tracking: "Tracking number", auto_number: "leave empty to make one up",
    order_no: "Order", order_time: "Placed", paid_time: "Paid", pay_before: "Pay within {n}", receiver: "Delivery", timeline: "What happened", logistics: "Parcel", amount: "To pay", items: "Goods", cancelled_why: "Cancelled: {n}",
    under_review: "Risk control is looking at this payment; you can go on once it is released.", refund_sent: "Refund asked for", cancelled_now: "Cancellation sent", done_now: "Receipt confirmed", shipped_now: "Shipped",
    release: "Release", stop: "Stop", score: "Score", reasons: "Reasons", decided: "Decided", reason: "Note", waits: "Waits", to_decide: "To decide", earlier: "Decided earlier",
    refunds_open: "Refunds waiting for you", approve: "Approve", reject: "Reject", read_all: "Mark all read", unread: "unread",
    offline: "The services can't be reached, try again in a moment.", gateway_hint: "This page wants to be opened through the gateway:", footer: "A sandbox shop over the order, payment and notification services. No real money moves.", more: "More", page: "Page {n}", next: "Next", previous: "Previous",
    told_you: "Told: ", refund_asked: "Refund of {n}: the seller decides", refund_going: "Refund of {n}: on its way",
    seller_is: "Sold by {n}", buyer_is: "Buyer", welcome: "Hello, {n}",
  },
};

const KEPT = "shop.language";
let current = localStorage.getItem(KEPT) ?? (navigator.language.startsWith("en") ? "en" : "zh");
document.documentElement.lang = current === "zh" ? "zh-CN" : "en";

export const lang = () => current;

export function t(word, n) {
  return (WORDS[current][word] ?? word).replace("{n}", n ?? "");
}

export function switchLanguage() {
  current = current === "zh" ? "en" : "zh";
  localStorage.setItem(KEPT, current);
  document.documentElement.lang = current === "zh" ? "zh-CN" : "en";
}

// Goods carry both languages.
export const titleOf = (product) => (current === "en" && product.title_en) || product.title;
export const storyOf = (product) => (current === "en" && product.description_en) || product.description;
