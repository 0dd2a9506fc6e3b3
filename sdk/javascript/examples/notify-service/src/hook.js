// Tells a web service of every finished upload.

import * as rustus from "rustus-hook";
import { request } from "rustus-hook/http";

export const notifications = rustus.notifications({
  postFinish(event) {
    const { id, length, metadata } = event.upload;
    const response = post(rustus.config.get("url"), event.id, { id, size: length, metadata });
    if (response.status >= 500) {
      throw rustus.retry(1);
    }
    if (!response.ok) {
      throw rustus.permanent(`the service answered ${response.status}`);
    }
  },
});

function post(url, key, news) {
  const headers = { "content-type": "application/json", "idempotency-key": key };
  try {
    return request(url, { method: "POST", headers, body: JSON.stringify(news) });
  } catch (error) {
    rustus.log.warn("no answer", { error });
    throw rustus.retry();
  }
}
