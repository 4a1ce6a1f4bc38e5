-- After jwt_authn has verified a token: the key claim must name the key that verified it, and the user goes on as X-User-UUID.
-- The twin of the Lua block in apisix.yaml; header stripping is Envoy's own early mutation (filters.py).
function envoy_on_request(handle)
  local verified = handle:streamInfo():dynamicMetadata():get("envoy.filters.http.jwt_authn")
  if verified == nil then
    return
  end
  for provider, key in pairs(KEYS) do
    local claims = verified[provider]
    if claims ~= nil then
      if claims[KEY_CLAIM] ~= key then
        handle:respond({[":status"] = "401"}, "")
        return
      end
      for _, claim in ipairs({"user_uuid", "user_id", "sub"}) do
        local user = claims[claim]
        if type(user) == "number" or type(user) == "string" and user ~= "" then
          handle:headers():replace("x-user-uuid", tostring(user))
          break
        end
      end
    end
  end
end
