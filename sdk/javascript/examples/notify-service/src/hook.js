// Tells a web service of every finished upload.

import * as rustus from "rustus-hook";

export const notifications = rustus.notifications({
  async postFinish(event) {
    const { id, length, metadata } = event.upload;
    const response = await post(rustus.config.get("url"), event.id, { id, size: length, metadata });
    if (response.status >= 500) {
      throw rustus.retry(1);
    }
    if (!response.ok) {
      throw rustus.permanent(`the service answered ${response.status}`);
    }
  },
});

async function post(url, key, news) {
  const headers = { "content-type": "application/json", "idempotency-key": key };
  try {
    return await fetch(url, { method: "POST", headers, body: JSON.stringify(news) });
  } catch (error) {
    rustus.log.warn("no answer", { error });
    throw rustus.retry();
  }
}
