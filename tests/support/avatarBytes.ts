/** Files of avatars taken apart and put together again, sound or spoiled. */

/** What stands before the JSON of a binary glTF. */
const JsonStart = 20;

/** The JSON of a binary glTF. */
export function JsonTextOf(file: Uint8Array): string {
    const jsonBytes = new DataView(file.buffer, file.byteOffset).getUint32(12, true);
    return new TextDecoder().decode(file.subarray(JsonStart, JsonStart + jsonBytes)).trimEnd();
}

/** The bytes of the buffer of a binary glTF. */
export function BodyOf(file: Uint8Array): Uint8Array {
    return file.subarray(JsonStart + new DataView(file.buffer, file.byteOffset).getUint32(12, true) + 8);
}

/** The file with another JSON, whose length may differ. */
function WithJsonText(file: Uint8Array, json: string): Uint8Array<ArrayBuffer> {
    const text = new TextEncoder().encode(json);
    const padded = Math.ceil(text.length / 4) * 4;
    const rest = file.subarray(JsonStart + new DataView(file.buffer, file.byteOffset).getUint32(12, true));
    const changed = new Uint8Array(JsonStart + padded + rest.length).fill(0x20);
    changed.set(file.subarray(0, JsonStart));
    changed.set(text, JsonStart);
    changed.set(rest, JsonStart + padded);
    const view = new DataView(changed.buffer);
    view.setUint32(8, changed.length, true);
    view.setUint32(12, padded, true);
    return changed;
}

/** The file with a part of its JSON replaced, which must be there. */
export function Rewrite(file: Uint8Array, from: string | RegExp, to: string): Uint8Array<ArrayBuffer> {
    const json = JsonTextOf(file);
    const changed = json.replace(from, to);
    if (typeof from === "string" ? !json.includes(from) : !from.test(json)) {
        throw new Error(`The description has no ${String(from)}: ${json}`);
    }
    return WithJsonText(file, changed);
}
