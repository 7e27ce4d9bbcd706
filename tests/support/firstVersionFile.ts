/**
 * Writes `.flexavatar` files of the first version, as releases before 0.2 did (docs/formats.md). Only tests need them:
 * such files are still read.
 */
import type { IAvatarFile } from "../../src/runtime/format/avatarFile";
import { PackShades } from "../../src/runtime/format/closeUpLayer";
import { PackDetail } from "../../src/runtime/format/detailLayer";
import { CanonicalJson } from "../../src/runtime/format/fileChecks";
import { HalvesFromFloats } from "../../src/runtime/format/half";
import { PackPage } from "../../src/runtime/format/pageLayer";

type Data = Uint8Array | Uint16Array | Uint32Array | Float32Array;

/** @returns the bytes of the file; little-endian hosts only */
export function WriteFirstVersion(avatar: IAvatarFile): Uint8Array<ArrayBuffer> {
    const { mapSize, fit } = avatar;
    const blocks: Record<string, unknown> = {};
    const contents: { offset: number; bytes: Uint8Array }[] = [];
    let size = 0;
    const add = (name: string, dtype: string, shape: readonly number[], data: Data): void => {
        const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
        blocks[name] = { dtype, shape, offset: size, bytes: bytes.length };
        contents.push({ offset: size, bytes });
        size += (bytes.length + 3) & ~3;
    };
    add("staticMap", "f16", [14, mapSize, mapSize], HalvesFromFloats(avatar.staticMap));
    add("identityFeatures", "f16", avatar.identityShape, HalvesFromFloats(avatar.identityFeatures));
    add("fitShape", "f32", [fit.shape.length], fit.shape);
    const photos = fit.photos.map(({ camera, expression }, n) => {
        add(`fitExpression${n}`, "f32", [expression.length], expression);
        return camera;
    });
    const { name, headModel, model, provenance, license } = avatar;
    const json: Record<string, unknown> = { name, headModel, model, mapSize, provenance, license, photos, blocks };
    if (avatar.detail) {
        const { bytes, scales } = PackDetail(avatar.detail);
        add("detail", "u8", [3, mapSize, mapSize], bytes);
        json.detail = { scales };
    }
    if (avatar.closeUp) {
        const packed = PackShades(avatar.closeUp.shades);
        add("closeUp", "u8", [packed.length], packed);
        json.closeUp = { edge: avatar.closeUp.edge };
    }
    if (avatar.page) {
        const { texels, places, colors, rotations } = PackPage(avatar.page.map);
        add("pageTexels", "u8", [texels.length], texels);
        add("pagePlaces", "u16", [places.length], places);
        add("pageColors", "u8", [colors.length], colors);
        add("pageRotations", "u32", [rotations.length], rotations);
        json.page = { headModel: avatar.page.headModel, mapSize: avatar.page.mapSize, texels: rotations.length };
    }
    if (avatar.thumbnail) {
        add("thumbnail", "u8", [avatar.thumbnail.length], avatar.thumbnail);
    }
    const text = new TextEncoder().encode(CanonicalJson(json));
    const jsonBytes = (text.length + 3) & ~3;
    const file = new Uint8Array(16 + jsonBytes + size);
    const view = new DataView(file.buffer);
    [0x41564146, 1, jsonBytes, size].forEach((word, i) => view.setUint32(4 * i, word, true));
    file.fill(0x20, 16, 16 + jsonBytes);
    file.set(text, 16);
    contents.forEach(({ offset, bytes }) => file.set(bytes, 16 + jsonBytes + offset));
    return file;
}
