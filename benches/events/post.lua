-- Creates an upload and finishes it, by one request with SIZE bytes.
local size = tonumber(os.getenv("SIZE"))
wrk.method = "POST"
wrk.body = string.rep("x", size)
wrk.headers["Tus-Resumable"] = "1.0.0"
wrk.headers["Upload-Length"] = tostring(size)
wrk.headers["Content-Type"] = "application/offset+octet-stream"
