/** Splats alone as binary glTF of the ratified extension KHR_gaussian_splatting, for viewers and engines that know it. */
import { WriteGlb } from "./glb.js";
import { SplatExtension, WriteSplatPrimitive } from "./splatPrimitive.js";

/**
 * @param splats 32 bytes each, right-handed ({@link WriteSplats}), at least one
 * @param about name of the node, and what may be done with it
 */
export function WriteSplatGlb(
    splats: Uint8Array<ArrayBuffer>,
    { name, license }: { readonly name: string; readonly license: string },
): Uint8Array<ArrayBuffer> {
    const drawn = WriteSplatPrimitive(splats, 0, 0, 0);
    return WriteGlb(
        {
            asset: { version: "2.0", generator: "babylon-flexavatar", copyright: license },
            extensionsUsed: [SplatExtension],
            scene: 0,
            scenes: [{ nodes: [0] }],
            nodes: [{ name, mesh: 0 }],
            meshes: [{ name, primitives: [drawn.primitive] }],
            accessors: drawn.accessors,
            bufferViews: [drawn.bufferView],
            buffers: [{ byteLength: drawn.bytes.length }],
        },
        drawn.bytes,
    );
}
