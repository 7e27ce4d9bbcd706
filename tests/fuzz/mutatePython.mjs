// Spoils pickles and zips of arrays where their structure is: operations, names, counts, headers within members.
import { strFromU8, strToU8, unzipSync, zipSync } from "fflate";

const pick = (list, random) => list[Math.floor(list.length * random())];

/** Parts of pickles that ask, copy, take and remember. */
const parts = [
    "cos\nsystem\n(S'true'\ntR",
    "c__builtin__\neval\n",
    "cnumpy\nndarray\n",
    "cchumpy.ch\nCh\n",
    "cscipy.sparse.csc\ncsc_matrix\n",
    "c__builtin__\nset\n",
    "c_codecs\nencode\n",
    "cnumpy.core.numeric\n_frombuffer\n",
    "(",
    ")",
    "]",
    "}",
    "l",
    "t",
    "d",
    "a",
    "e",
    "s",
    "u",
    "0",
    "1",
    "2",
    "R",
    "b",
    ".",
    "q\x00",
    "h\x00",
    "h\x01",
    "K\x05",
    "J\xff\xff\xff\x7f",
    "T\xff\xff\xff\x7f",
    "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f",
    "\x8b\xff\xff\xff\xff",
    "\x85",
    "\x86",
    "\x87",
    "\x81",
    "\x93",
    "\x94",
    "N",
    "\x88",
    "I-1\n",
    "F1e999\n",
];

function insert(bytes, random) {
    const at = Math.floor(bytes.length * random());
    const part = strToU8(pick(parts, random), true);
    const changed = new Uint8Array(bytes.length + part.length);
    changed.set(bytes.subarray(0, at));
    changed.set(part, at);
    changed.set(bytes.subarray(at), at + part.length);
    return changed;
}

/** Sizes and types where they are written: after a J of a shape, in a name of a type. */
function spoilShape(bytes, random) {
    const places = [];
    for (let at = 0; at + 5 < bytes.length; at++) {
        if (bytes[at] === 0x4a || (bytes[at] === 0x55 && bytes[at + 1] === 2)) {
            places.push(at);
        }
    }
    const at = pick(places, random);
    if (at !== undefined) {
        const near = bytes[at] === 0x4a ? [0, 1, 2, 127, 128, 255] : [0x3c, 0x3e, 0x38, 0x34, 0x32, 0x69, 0x4f];
        bytes[at + 1 + Math.floor(4 * random())] = pick(near, random);
    }
    return bytes;
}

export const pickleMutations = [insert, insert, spoilShape, spoilShape];

/** What may stand in the header of an array. */
const headers = [
    ["False", "True"],
    ["<f8", ">f8"],
    ["<f8", "<f4"],
    ["<f8", "|O"],
    ["<f8", "<U4"],
    ["<f4", "<f2"],
    ["(", "(1, "],
    ["(", "(0, "],
    ["(", "(99999999, "],
    ["(", "(-1, "],
    [", )", ")"],
    ["descr", "descry"],
    ["}", "}}"],
];

/** Bytes: earlier changes may have made bombs, which are for the readers. */
const LargestMember = 1e6;

/** Takes a zip apart, changes a member, its name or how many there are, and closes it again. */
function spoilMember(bytes, random) {
    let members;
    try {
        members = unzipSync(bytes, { filter: ({ originalSize }) => originalSize < LargestMember });
    } catch {
        return bytes;
    }
    const name = pick(Object.keys(members), random);
    if (name === undefined) {
        return bytes;
    }
    const way = random();
    const member = members[name].slice();
    if (way < 0.15) {
        delete members[name];
    } else if (way < 0.3) {
        const other = pick(Object.keys(members), random);
        members[name] = members[other];
    } else if (way < 0.7) {
        const [from, to] = pick(headers, random);
        members[name] = strToU8(strFromU8(member, true).replace(from, to), true);
    } else if (way < 0.85) {
        members[name] = member.slice(0, Math.floor(member.length * random()));
    } else {
        member[Math.floor(member.length * random())] = Math.floor(256 * random());
        members[name] = member;
    }
    return zipSync(members, { level: random() < 0.5 ? 0 : 1, mtime: "2020-01-01" });
}

export const zipMutations = [spoilMember, spoilMember, spoilMember];
