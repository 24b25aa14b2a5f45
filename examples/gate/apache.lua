-- Asks timApp about each request, and tells the program who it is. Without its answer nothing passes.
local http, ltn12 = require("socket.http"), require("ltn12")
local GATE = "http://127.0.0.1:5000/gate/forward"
local ASKED = { "Cookie", "Accept", "Accept-Language", "Sec-Fetch-Mode", "Upgrade", "User-Agent",
  "X-SafeExamBrowser-ConfigKeyHash", "X-SafeExamBrowser-RequestHash" }
local TOLD = { "Remote-User", "Remote-Name", "Remote-Groups", "Remote-Email" }
http.TIMEOUT = 10

function gate(r)
  if r.uri:sub(1, 9) == "/_timapp/" then
    return apache2.OK
  end
  local headers = {
    ["X-Forwarded-Proto"] = r.is_https and "https" or "http",
    ["X-Forwarded-Host"] = r.headers_in["Host"],
    ["X-Forwarded-Uri"] = r.unparsed_uri,
    ["X-Forwarded-For"] = r.useragent_ip,
  }
  for _, name in ipairs(ASKED) do
    headers[name] = r.headers_in[name]
  end
  local body = {}
  local ok, status, told = http.request({
    url = GATE, headers = headers, sink = ltn12.sink.table(body), redirect = false,
  })
  if ok and status == 200 then
    for _, name in ipairs(TOLD) do
      -- What a client says of itself in these does not count, with underscores neither.
      r.headers_in[name:gsub("-", "_")] = nil
      r.headers_in[name] = told[name:lower()]
    end
    return apache2.OK
  end
  if not ok or status < 300 or status >= 500 then
    return 503
  end
  -- Apache makes 500 of statuses that it does not know; the body says which one it is.
  r.status = status == 490 and 403 or status
  r.content_type = told["content-type"] or "text/plain"
  r.err_headers_out["Cache-Control"] = "no-store"
  for _, name in ipairs({ "Location", "Timapp-Refused" }) do
    if told[name:lower()] then
      r.headers_out[name] = told[name:lower()]
    end
  end
  r:puts(table.concat(body))
  return apache2.DONE
end
