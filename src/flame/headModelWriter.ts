/** Writes a head model file (docs/formats.md, "Head model file"). The same model gives the same bytes. */
import { JointParents, ModelJointNames, type HeadModel } from "./headModel.js";
import { HeadModelMagic, HeadModelVersion, type HeadModelDtype } from "./headModelFile.js";

type Written = readonly [name: string, dtype: HeadModelDtype, shape: readonly number[], values: ArrayBufferView];

const HeaderBytes = 12;
const Aligned = (bytes: number): number => 4 * Math.ceil(bytes / 4);

/** @returns the bytes that `ParseHeadModel` reads */
export function WriteHeadModel(model: HeadModel): Uint8Array<ArrayBuffer> {
    const arrays = ListArrays(model);
    let bodyBytes = 0;
    const table: Record<string, unknown> = {};
    for (const [name, dtype, shape, values] of arrays) {
        table[name] = { dtype, shape, offset: bodyBytes };
        bodyBytes += Aligned(values.byteLength);
    }
    const { name, license, source, regions, dynamicRegions, twoSidedRegions, expressions, shapes } = model;
    const positionMap = { center: model.positionMapCenter, scale: model.positionMapScale };
    const header = {
        name,
        license,
        source,
        regions,
        dynamicRegions,
        twoSidedRegions,
        expressions,
        shapes,
        positionMap,
    };
    const joints = { joints: ModelJointNames, parents: JointParents };
    const text = new TextEncoder().encode(JSON.stringify({ ...header, ...joints, arrays: table }));
    const start = HeaderBytes + Aligned(text.length);
    const bytes = new Uint8Array(start + bodyBytes).fill(0x20, HeaderBytes, start);
    new Uint32Array(bytes.buffer, 0, 3).set([HeadModelMagic, HeadModelVersion, start - HeaderBytes]);
    bytes.set(text, HeaderBytes);
    let at = start;
    for (const [, , , values] of arrays) {
        bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
        at += Aligned(values.byteLength);
    }
    return bytes;
}

function ListArrays(model: HeadModel): Written[] {
    const { vertexCount: V, faceCount: F, uvCount: T, shapeCount: S, expressionCount: E } = model;
    const joints = ModelJointNames.length;
    const list: Written[] = [
        ["template", "f32", [V, 3], model.template],
        ["faces", "u16", [F, 3], model.faces],
        ["uvFaces", "u16", [F, 3], model.uvFaces],
        ["uv", "f32", [T, 2], model.uv],
        ["faceRegion", "u8", [F], model.faceRegion],
        ["shapeDirs", "i8", [S, V, 3], model.shapeDirs],
        ["shapeScale", "f32", [S], model.shapeScale],
        ["expressionStart", "u32", [E + 1], model.expressionStart],
        ["expressionVertex", "u16", [model.expressionVertex.length], model.expressionVertex],
        ["expressionDelta", "i16", [model.expressionVertex.length, 3], model.expressionDelta],
        ["expressionScale", "f32", [E], model.expressionScale],
        ["weights", "u8", [V, joints], model.weights],
        ["joints", "f32", [joints, 3], model.joints],
        ["jointStart", "u32", [joints + 1], model.jointStart],
        ["jointVertex", "u16", [model.jointVertex.length], model.jointVertex],
        ["jointWeight", "f32", [model.jointWeight.length], model.jointWeight],
        ["landmark68Face", "u16", [model.landmark68Face.length], model.landmark68Face],
        ["landmark68Bary", "f32", [model.landmark68Face.length, 3], model.landmark68Bary],
        ["mediaPipeFace", "i32", [model.mediaPipeFace.length], model.mediaPipeFace],
        ["mediaPipeBary", "f32", [model.mediaPipeFace.length, 3], model.mediaPipeBary],
        ["poseFromExpression", "f32", [E, 3 * joints], model.poseFromExpression],
    ];
    if (model.correctiveCount > 0) {
        list.push(
            ["correctiveStart", "u32", [model.correctiveCount + 1], model.correctiveStart],
            ["correctiveVertex", "u16", [model.correctiveVertex.length], model.correctiveVertex],
            ["correctiveDelta", "i16", [model.correctiveVertex.length, 3], model.correctiveDelta],
            ["correctiveScale", "f32", [model.correctiveCount], model.correctiveScale],
        );
    }
    return list;
}
