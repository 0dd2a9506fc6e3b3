-- Creates an upload and finishes it, by one request with 1 KiB.
wrk.method = "POST"
wrk.body = string.rep("x", 1024)
wrk.headers["Tus-Resumable"] = "1.0.0"
wrk.headers["Upload-Length"] = "1024"
wrk.headers["Content-Type"] = "application/offset+octet-stream"
