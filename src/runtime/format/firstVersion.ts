/**
 * Opens `.flexavatar` files of the first version. Little-endian: u32 magic "FAVA", u32 version 1, u32 JSON byte length,
 * u32 body byte length, JSON (UTF-8, padded with spaces to a multiple of 4), body. `json.blocks[name] = { dtype, shape,
 * offset, bytes }`. Its maps are halves. Nothing writes it any more.
 */
import { BlockReader } from "./blocks.js";
import { AsCount, AsObject, ParseJson, WrongFile } from "./fileChecks.js";
import { MaxJsonBytes } from "./glb.js";

const Magic = 0x41564146; // "FAVA" read as little-endian u32
const HeaderBytes = 16;

/** Whether the bytes begin like a file of the first version. */
export function IsFirstVersion(file: Uint8Array): boolean {
    return file.byteLength >= 4 && new DataView(file.buffer, file.byteOffset, 4).getUint32(0, true) === Magic;
}

/** @throws FlexAvatarError `file-format` */
export function OpenFirstVersion(file: Uint8Array): { description: Record<string, unknown>; blocks: BlockReader } {
    if (file.byteLength < HeaderBytes) {
        throw WrongFile(`it has ${file.byteLength} bytes and the header alone has ${HeaderBytes}`);
    }
    const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
    const [version, jsonBytes, bodyBytes] = [4, 8, 12].map((at) => view.getUint32(at, true));
    if (version !== 1) {
        throw WrongFile(`it begins with FAVA and has version ${version}, which never was`);
    }
    if (jsonBytes > MaxJsonBytes || jsonBytes % 4 !== 0 || HeaderBytes + jsonBytes + bodyBytes !== file.byteLength) {
        throw WrongFile(`its header speaks of ${jsonBytes} + ${bodyBytes} bytes and the file has ${file.byteLength}`);
    }
    const description = AsObject(ParseJson(file.subarray(HeaderBytes, HeaderBytes + jsonBytes)), "the description");
    const body = file.subarray(HeaderBytes + jsonBytes);
    const blocks = new BlockReader(AsObject(description.blocks, "blocks"), body, (block, name) => ({
        offset: AsCount(block.offset, `${name}.offset`),
        bytes: AsCount(block.bytes, `${name}.bytes`),
    }));
    return { description, blocks };
}
