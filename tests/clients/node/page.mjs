// The page of browser.mjs: uploads with Uppy what it is told to, and tells what
// happens. It is bundled before it is served.

import Uppy from "@uppy/core";
import Tus from "@uppy/tus";

/** Says something to browser.mjs. */
const tell = (event) =>
  fetch("/event", { method: "POST", body: JSON.stringify(event) });

/** The bytes of a file that the test knows too. */
function content(length) {
  const bytes = new Uint8Array(length);
  for (let n = 0; n < length; n++) bytes[n] = n % 251;
  return new Blob([bytes], { type: "application/octet-stream" });
}

let uppy;
let stops = [];

const commands = {
  /** Uploads so many bytes, and pauses when so many are there. */
  upload({ endpoint, length, chunk, pauseAt, retryDelays }) {
    stops = pauseAt;
    uppy = new Uppy({ autoProceed: false });
    uppy.use(Tus, {
      endpoint,
      chunkSize: chunk,
      retryDelays,
    });
    uppy.on("upload-progress", (_file, { bytesUploaded }) => {
      if (stops.length > 0 && bytesUploaded >= stops[0]) {
        stops.shift();
        uppy.pauseAll();
        tell({ event: "paused", bytesUploaded });
      }
    });
    uppy.on("upload-success", (_file, { uploadURL }) =>
      tell({ event: "success", url: uploadURL }),
    );
    uppy.on("upload-error", (_file, error) =>
      tell({ event: "error", message: String(error) }),
    );
    uppy.addFile({ name: "cat.bin", data: content(length) });
    uppy.upload();
  },
  resume() {
    uppy.resumeAll();
  },
};

tell({ event: "open" });
for (;;) {
  const response = await fetch("/command", { method: "POST" });
  const { command, ...options } = await response.json();
  commands[command](options);
}
