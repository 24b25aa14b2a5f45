-- Asks timApp about each request, and tells the program who it is. Without its answer nothing passes.
local GATE = "http://127.0.0.1:5000/gate/forward"
local ASKED = { "cookie", "accept", "accept-language", "sec-fetch-mode", "upgrade", "user-agent",
  "x-safeexambrowser-configkeyhash", "x-safeexambrowser-requesthash" }
local TOLD = { "remote-user", "remote-name", "remote-groups", "remote-email" }

-- Values of a header are numbered from 0 where HAProxy gives them.
local function values(found)
  local all = {}
  for number = 0, #found do
    all[#all + 1] = found[number]
  end
  return all
end

local function refuse(txn, status, headers, body)
  txn:done(txn:reply({ status = status, headers = headers, body = body }))
end

core.register_action("gate", { "http-req" }, function(txn)
  local request = txn.http:req_get_headers()
  local headers = {
    ["x-forwarded-proto"] = { txn.f:ssl_fc() == 1 and "https" or "http" },
    ["x-forwarded-host"] = { txn.sf:req_fhdr("host") },
    ["x-forwarded-uri"] = { txn.sf:pathq() },
    ["x-forwarded-for"] = { txn.sf:src() },
  }
  for _, name in ipairs(ASKED) do
    if request[name] then
      headers[name] = values(request[name])
    end
  end
  local answer = core.httpclient():get({ url = GATE, headers = headers, timeout = 10000 })
  if answer.status == 200 then
    for _, name in ipairs(TOLD) do
      txn.http:req_set_header(name, answer.headers[name][0])
    end
  elseif answer.status and answer.status >= 300 and answer.status < 500 then
    local told = { ["cache-control"] = { "no-store" } }
    for _, name in ipairs({ "location", "content-type", "timapp-refused" }) do
      if answer.headers[name] then
        told[name] = values(answer.headers[name])
      end
    end
    refuse(txn, answer.status, told, answer.body)
  else
    refuse(txn, 503, { ["content-type"] = { "text/plain" } }, "The exam site does not answer.\n")
  end
end, 0)
