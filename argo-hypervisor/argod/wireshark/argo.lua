-- Argo's own fields in captures of `argoctl capture`: wireshark -X lua_script:argo.lua FILE
--
-- Wireshark itself shows the vsock header (domains as CIDs, ports); this shows what stands where a
-- transport's header would: docs/capture.md has the layout.

local VSOCK_HEADER = 32
local ARGO_HEADER = 32
local DELIVERED = 1
local ANY_DOMAIN = 0x7ff4

local errnos = {
    [0] = "delivered",
    [1] = "EPERM: not permitted",
    [2] = "ENOENT: no such ring",
    [3] = "ESRCH: no such domain",
    [11] = "EAGAIN: no room in the ring now",
    [12] = "ENOMEM: out of memory",
    [13] = "EACCES: refused by policy",
    [14] = "EFAULT: bad guest address",
    [16] = "EBUSY: too many domains wait for this ring",
    [17] = "EEXIST: the ring exists",
    [19] = "ENODEV: this domain has no Argo state",
    [22] = "EINVAL: invalid argument",
    [28] = "ENOSPC: a quota of the domain is used up",
    [90] = "EMSGSIZE: message too big",
    [95] = "EOPNOTSUPP: operation not supported",
    [111] = "ECONNREFUSED: nobody receives there",
    [125] = "ECANCELED: a linked call before this one failed",
}

local argo = Proto("argo", "Argo message")
local field = {
    from = ProtoField.uint16("argo.from", "From domain", base.DEC),
    from_port = ProtoField.uint32("argo.from_port", "From port (a claim)", base.DEC),
    to = ProtoField.uint16("argo.to", "To domain", base.DEC),
    to_port = ProtoField.uint32("argo.to_port", "To port", base.DEC),
    version = ProtoField.uint8("argo.version", "Version of this header", base.DEC),
    flags = ProtoField.uint8("argo.flags", "Flags", base.HEX),
    delivered = ProtoField.bool("argo.delivered", "Delivered", 8, nil, DELIVERED),
    verdict = ProtoField.uint16("argo.verdict", "Verdict", base.DEC, errnos),
    message_type = ProtoField.uint32("argo.type", "Message type", base.HEX),
    rule = ProtoField.uint32("argo.rule", "Refused by rule (0: none)", base.DEC),
    length = ProtoField.uint64("argo.length", "Length of the payload", base.DEC),
    claimed = ProtoField.uint16("argo.claimed", "Claimed source domain", base.HEX),
    payload = ProtoField.bytes("argo.payload", "Payload"),
}
argo.fields = field

local lie = ProtoExpert.new("argo.lie", "The sender claims to be another domain",
    expert.group.SECURITY, expert.severity.WARN)
argo.experts = { lie }

function argo.dissector(buffer, packet, tree)
    if buffer:len() < VSOCK_HEADER + ARGO_HEADER or buffer(VSOCK_HEADER, 4):string() ~= "ARGO" then
        return
    end
    local own = buffer(VSOCK_HEADER, ARGO_HEADER)
    local verdict = own(6, 2):le_uint()
    local shown = tree:add(argo, own)
    shown:add_le(field.from, buffer(0, 2))
    shown:add_le(field.from_port, buffer(16, 4))
    shown:add_le(field.to, buffer(8, 2))
    shown:add_le(field.to_port, buffer(20, 4))
    shown:add(field.version, own(4, 1))
    shown:add(field.flags, own(5, 1)):add(field.delivered, own(5, 1))
    shown:add_le(field.verdict, own(6, 2))
    shown:add_le(field.message_type, own(8, 4))
    shown:add_le(field.rule, own(12, 4))
    shown:add_le(field.length, own(16, 8))
    local claimed = shown:add_le(field.claimed, own(24, 2))
    if own(24, 2):le_uint() ~= buffer(0, 2):le_uint() and own(24, 2):le_uint() ~= ANY_DOMAIN then
        claimed:add_proto_expert_info(lie)
    end
    if buffer:len() > VSOCK_HEADER + ARGO_HEADER then
        shown:add(field.payload, buffer(VSOCK_HEADER + ARGO_HEADER))
    end
    packet.cols.protocol = "Argo"
    packet.cols.info = string.format("%d:%d -> %d:%d %s, %d bytes",
        buffer(0, 2):le_uint(), buffer(16, 4):le_uint(), buffer(8, 2):le_uint(),
        buffer(20, 4):le_uint(), errnos[verdict] or ("error " .. verdict),
        own(16, 8):le_uint64():tonumber())
end

-- After vsock's dissector, on the whole frame.
register_postdissector(argo)
