// Talking to the gateway, and who is talking.
import { newKey, toast } from "./dom.js";
import { lang, t } from "./words.js";

const KEPT = "shop.session";
let session = JSON.parse(localStorage.getItem(KEPT) ?? "null");

export class ApiError extends Error {
  constructor(status, body) {
    super(body?.message ?? `HTTP ${status}`);
    this.status = status;
    this.code = body?.code;
    this.body = body;
  }
}

export const me = () => session;
export const isMe = (uuid) => session?.user_id === uuid;

export function leave() {
  session = null;
  localStorage.removeItem(KEPT);
}

export async function enter(email, password) {
  const answer = await call("POST", "/api/v1/auth/login-with-password/", { email, password });
  const { access_token: token, user_id, username, privilege } = answer;
  session = { token, user_id, username, privilege };
  localStorage.setItem(KEPT, JSON.stringify(session));
}

export const get = (path) => call("GET", path);
// A key makes a repeated POST (a double press, a lost answer) count once.
export const post = (path, body, key = newKey()) => call("POST", path, body ?? {}, { "Idempotency-Key": key });
export const patch = (path) => call("PATCH", path, {});
export const remove = (path) => call("DELETE", path);

async function call(method, path, body, extra = {}) {
  const headers = { "Accept-Language": lang() === "zh" ? "zh-CN" : "en", ...extra };
  const asked = path.includes("/auth/") ? null : session;
  if (asked) headers.Authorization = `Bearer ${asked.token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const answer = await response.json().catch(() => null);
  // Only the session that asked can be over: somebody else may have logged in meanwhile.
  if (response.status === 401 && asked && asked === session) {
    leave();
    window.dispatchEvent(new Event("session-over"));
  }
  if (!response.ok) throw new ApiError(response.status, answer);
  return answer ?? {};
}

// Lists come in three shapes: {results: {data}}, {data: {records}}, {data: []}.
export function rows(answer) {
  const found = answer?.results?.data ?? answer?.results ?? answer?.data?.records ?? answer?.data;
  return Array.isArray(found) ? found : [];
}

// Runs work and tells the person when it fails; returns undefined then.
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ApiError)) {
      toast(t("offline"), "bad");
      console.error(error);
      return undefined;
    }
    toast([error.message, error.code && `(${error.code})`].filter(Boolean).join(" "), "bad");
    return undefined;
  }
}
