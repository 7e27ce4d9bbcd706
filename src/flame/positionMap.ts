/**
 * The driver's input P_driving: the template moved by expression, jaw and eyes, without global turn, neck and identity,
 * sampled at texel centres and normalised. Also how anything per vertex is sampled into a map.
 */
import { CorrectVertices, ExpressVertices } from "./blendshapes.js";
import { EffectivePose, type ExpressionPose } from "./expression.js";
import { PoseLength, type HeadModel } from "./headModel.js";
import { JointMatrices, JointMatricesLength, SkinVertices, WithoutHeadTurn } from "./skinning.js";
import type { TexelTable } from "./texelTable.js";

/**
 * Buffers that {@link PositionMap} works in, so that the render loop allocates nothing. One per avatar or shared by
 * turns.
 */
export interface PositionMapScratch {
    readonly vertices: Float32Array;
    readonly pose: Float32Array;
    readonly matrices: Float32Array;
}

/** Buffers for {@link PositionMap} and {@link PositionMapVertices}. */
export function CreatePositionMapScratch(model: HeadModel): PositionMapScratch {
    return {
        vertices: new Float32Array(3 * model.vertexCount),
        pose: new Float32Array(PoseLength),
        matrices: new Float32Array(JointMatricesLength),
    };
}

/**
 * The vertices that a position map samples: T(ψ) with jaw and eyes turned, no global, no neck.
 * @returns [V,3] meters, `scratch.vertices`
 */
export function PositionMapVertices(
    model: HeadModel,
    expressionPose: ExpressionPose,
    scratch: PositionMapScratch,
): Float32Array {
    ExpressVertices(model, expressionPose.expression, scratch.vertices);
    EffectivePose(model, expressionPose, scratch.pose);
    // Correctives of the whole pose, the neck's too: they are made once for the picture and for this map.
    CorrectVertices(model, scratch.pose, scratch.vertices);
    WithoutHeadTurn(scratch.pose, scratch.pose);
    JointMatrices(scratch.pose, model.joints, scratch.matrices);
    return SkinVertices(model, scratch.vertices, scratch.matrices, scratch.vertices);
}

/**
 * The position map of an expression: (position − center) / scale per valid texel, 0 elsewhere.
 * @param table texel table of the map's size P
 * @param into [3,P,P] receives the map
 */
export function PositionMap(
    model: HeadModel,
    table: TexelTable,
    expressionPose: ExpressionPose,
    into: Float32Array,
    scratch: PositionMapScratch = CreatePositionMapScratch(model),
): Float32Array {
    const vertices = PositionMapVertices(model, expressionPose, scratch);
    SampleVertices(table, vertices, into);
    const texelCount = table.mapSize * table.mapSize;
    for (let axis = 0; axis < 3; axis++) {
        for (let g = 0; g < table.gaussianCount; g++) {
            const at = axis * texelCount + table.texel[g];
            into[at] = (into[at] - model.positionMapCenter[axis]) / model.positionMapScale;
        }
    }
    return into;
}

/**
 * Samples a value per vertex at each valid texel; other texels become 0.
 * @param vertices [V,3]
 * @param into [3,H,W] receives the map
 */
export function SampleVertices(table: TexelTable, vertices: ArrayLike<number>, into: Float32Array): Float32Array {
    const { corners, bary, texel } = table;
    const texelCount = table.mapSize * table.mapSize;
    into.fill(0, 0, 3 * texelCount);
    for (let g = 0; g < table.gaussianCount; g++) {
        const [a, b, c] = [3 * corners[3 * g], 3 * corners[3 * g + 1], 3 * corners[3 * g + 2]];
        for (let axis = 0; axis < 3; axis++) {
            into[axis * texelCount + texel[g]] =
                bary[3 * g] * vertices[a + axis] +
                bary[3 * g + 1] * vertices[b + axis] +
                bary[3 * g + 2] * vertices[c + axis];
        }
    }
    return into;
}
