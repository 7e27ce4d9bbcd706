// Spoils files with their structure in mind: lengths and counts, JSON values, whole chunks, single bytes.

/** A generator of numbers 0 to 1 (Park-Miller), so that a seed and a number name every file. */
export function randomFrom(seed) {
    let state = (seed % 2147483646) + 1;
    return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

const words = [0, 1, 2, 3, 4, 7, 255, 256, 65535, 65536, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff];
const values = [
    0,
    -1,
    1,
    0.5,
    2 ** 31,
    2 ** 53,
    -1e308,
    Number.MAX_VALUE,
    null,
    true,
    "",
    "x",
    "1",
    [],
    {},
    [[]],
    [NaN],
    "__proto__",
];
const texts = [
    "",
    "0",
    "-1",
    "1e9",
    "NaN",
    "Infinity",
    '"',
    ",",
    ",,,,",
    "\n",
    "\0",
    "\uFEFF",
    "9".repeat(400),
    "[",
    "{",
];

/**
 * @param more ways of a reader's own kind of files
 * @returns the bytes with one to four faults
 */
export function mutate(bytes, random, more = []) {
    let changed = bytes.slice();
    for (let left = 1 + Math.floor(4 * random() ** 2); left > 0; left--) {
        const ways = [flipByte, setWord, cut, grow, copyPart, mutateJson, mutateJson, mutateText, ...more, ...more];
        changed = ways[Math.floor(ways.length * random())](changed, random);
    }
    return changed;
}

const pick = (list, random) => list[Math.floor(list.length * random())];
/** Near the start, where headers are, more often than not. */
const place = (length, random) => Math.floor(length * (random() < 0.6 ? random() ** 4 : random()));

function flipByte(bytes, random) {
    if (bytes.length > 0) {
        bytes[place(bytes.length, random)] = Math.floor(256 * random());
    }
    return bytes;
}

function setWord(bytes, random) {
    if (bytes.length >= 4) {
        const at = Math.min(bytes.length - 4, 4 * Math.floor(place(bytes.length, random) / 4));
        const view = new DataView(bytes.buffer, bytes.byteOffset);
        const near = view.getUint32(at, true) + Math.floor(9 * random()) - 4;
        view.setUint32(at, (random() < 0.5 ? near : pick(words, random)) >>> 0, true);
    }
    return bytes;
}

function cut(bytes, random) {
    return bytes.slice(0, place(bytes.length + 1, random));
}

function grow(bytes, random) {
    const longer = new Uint8Array(bytes.length + 1 + Math.floor(64 * random()));
    longer.set(bytes);
    return longer;
}

function copyPart(bytes, random) {
    const length = Math.floor(64 * random());
    const from = place(bytes.length, random);
    bytes.copyWithin(place(bytes.length, random), from, from + length);
    return bytes;
}

function mutateText(bytes, random) {
    const at = place(bytes.length, random);
    const text = new TextEncoder().encode(pick(texts, random));
    const changed = new Uint8Array(bytes.length + text.length);
    changed.set(bytes.subarray(0, at));
    changed.set(text, at);
    changed.set(bytes.subarray(at), at + text.length);
    return changed;
}

/** Where a length of JSON stands before its text: in binary glTF, in head models, in avatars of the first version. */
const containers = [
    { magic: "glTF", lengthAt: 12, start: 20, totalAt: 8 },
    { magic: "FAHM", lengthAt: 8, start: 12 },
    { magic: "FAVA", lengthAt: 8, start: 16 },
];

/** Changes a value somewhere in the JSON, and puts the container together again so that the value is met. */
function mutateJson(bytes, random) {
    const magic = String.fromCharCode(...bytes.subarray(0, 4));
    const container = containers.find((one) => one.magic === magic);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const start = container?.start ?? 0;
    if (bytes.length < start + 4) {
        return bytes;
    }
    const length = container ? view.getUint32(container.lengthAt, true) : bytes.length;
    let json;
    try {
        json = JSON.parse(new TextDecoder().decode(bytes.subarray(start, start + length)));
    } catch {
        return flipByte(bytes, random);
    }
    json = changeValue(json, random);
    const text = new TextEncoder().encode(JSON.stringify(json) ?? "");
    const padded = container ? Math.ceil(text.length / 4) * 4 : text.length;
    const changed = new Uint8Array(start + padded + Math.max(0, bytes.length - start - length)).fill(0x20);
    changed.set(bytes.subarray(0, start));
    changed.set(text, start);
    changed.set(bytes.subarray(start + length), start + padded);
    if (container) {
        const header = new DataView(changed.buffer);
        header.setUint32(container.lengthAt, padded, true);
        if (container.totalAt !== undefined) {
            header.setUint32(container.totalAt, changed.length, true);
        }
    }
    return changed;
}

function changeValue(json, random) {
    let [parent, key] = [{ root: json }, "root"];
    const holder = parent;
    while (typeof parent[key] === "object" && parent[key] !== null && random() < 0.85) {
        const keys = Object.keys(parent[key]);
        if (keys.length === 0) {
            break;
        }
        [parent, key] = [parent[key], pick(keys, random)];
    }
    const way = random();
    if (way < 0.15 && key !== "root") {
        delete parent[key];
    } else if (way < 0.3 && Array.isArray(parent)) {
        parent.push(parent[key]);
    } else if (typeof parent[key] === "number" && way < 0.7) {
        parent[key] = parent[key] * pick([-1, 2, 1000, 0.5], random) + pick([0, 1, -1, 4], random);
    } else {
        parent[key] = pick(values, random);
    }
    return holder.root;
}
