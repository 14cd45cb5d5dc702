-- What a store of tokens does on a Redis server, as one script: each call is one operation, on keys of one slot.
--
-- KEYS: 1 the shard's generations, 2 an entry, 3 its failure, 4 a lease of it. ARGV: the operation, and what it takes.
-- The generation of the store, for one entry, is the highest of `store` and of the invalidated beginnings of its key. All
-- such numbers are the server's microseconds, and rise: so a hash of generations that is lost makes tokens misses, and
-- never brings back what was forgotten.
local generations, entry, failure, lease = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local generations_live_ms = 40 * 24 * 60 * 60 * 1000
local most_beginnings = 1000

local function rising()
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  local top = tonumber(redis.call('HGET', generations, 'top') or '0')
  return string.format('%.0f', math.max(now, top + 1))
end

local function raise(field)
  local value = rising()
  -- What clears the store outdoes every beginning.
  if field == 'store' or redis.call('HLEN', generations) > most_beginnings then
    redis.call('DEL', generations)
    field = 'store'
  end
  redis.call('HSET', generations, field, value, 'top', value)
  redis.call('PEXPIRE', generations, generations_live_ms)
  return value
end

-- The beginnings are what is left of ARGV. On a server that cannot write, 0: no token is of that generation.
local function generation_of_store(first_beginning)
  local found = redis.call('HMGET', generations, 'store', unpack(ARGV, first_beginning))
  if not found[1] then
    local written, value = pcall(raise, 'store')
    return written and value or '0'
  end
  local highest = found[1]
  for index = 2, #found do
    if found[index] and tonumber(found[index]) > tonumber(highest) then highest = found[index] end
  end
  return highest
end

-- The failure, behind the generation of the store that it was left in.
local function failed_in(store)
  local of, failed = string.match(redis.call('GET', failure) or '', '^(%d+) (.*)$')
  return of == store and failed or ''
end

local function look(first_beginning)
  local store = generation_of_store(first_beginning)
  local generation, of, token = unpack(redis.call('HMGET', entry, 'generation', 'store', 'token'), 1, 3)
  if of ~= store then token = false end
  local busy = redis.call('EXISTS', lease) == 1
  return { store, generation or '0', token or '', failed_in(store), busy and '1' or '0' }
end

-- A lease that ran out, and that nobody took, is still good for a save.
local function is_free_for(fence)
  local holder = redis.call('GET', lease)
  return fence == '' or not holder or holder == fence
end

local function release(fence)
  if redis.call('GET', lease) ~= fence then return '0' end
  redis.call('DEL', lease)
  return '1'
end

local operations = {}

function operations.look()
  return look(2)
end

-- What was there when the lease was taken comes with it: a look of its own would find nothing else.
function operations.lock(_, lease_ms)
  local found = look(3)
  found[6] = ''
  if found[5] == '1' then return found end
  local fence = rising()
  redis.call('SET', lease, fence, 'PX', lease_ms)
  redis.call('HSET', generations, 'top', fence)
  redis.call('PEXPIRE', generations, generations_live_ms)
  found[6] = fence
  return found
end

function operations.save(_, fence, over_store, over_entry, token, ends_at_ms)
  local store = generation_of_store(7)
  local generation = redis.call('HGET', entry, 'generation') or '0'
  local same = over_store == '' or (over_store == store and over_entry == generation)
  local kept = same and is_free_for(fence)
  if kept then
    redis.call('HSET', entry, 'generation', generation + 1, 'store', store, 'token', token)
    redis.call('PEXPIREAT', entry, ends_at_ms)
  end
  release(fence)
  return kept and '1' or '0'
end

function operations.fail(_, fence, failed, lives_ms)
  local kept = is_free_for(fence)
  if kept then redis.call('SET', failure, generation_of_store(5) .. ' ' .. failed, 'PX', lives_ms) end
  release(fence)
  return kept and '1' or '0'
end

function operations.renew(_, fence, lease_ms)
  if redis.call('GET', lease) ~= fence then return '0' end
  redis.call('PEXPIRE', lease, lease_ms)
  return '1'
end

function operations.release(_, fence)
  return release(fence)
end

function operations.forget(_, field)
  raise(field)
  if entry then
    redis.call('HDEL', entry, 'token')
    redis.call('DEL', failure)
  end
  return '1'
end

-- Whether the server answers at all.
function operations.probe()
  return '1'
end

return operations[ARGV[1]](unpack(ARGV))
