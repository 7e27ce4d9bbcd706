/** From prepared photos and their fit to what refinement is given. */
import { CorrectVertices, ExpressVertices } from "../../flame/blendshapes.js";
import { CreateExpressionPose, EffectivePose, ExpressionIndex, type ExpressionPose } from "../../flame/expression.js";
import type { HeadModelFit } from "../../flame/fit/fitHeadModel.js";
import { PoseLength, type HeadModel } from "../../flame/headModel.js";
import { VertexNormals } from "../../flame/normals.js";
import { JointMatrices, JointMatricesLength, SkinVertices } from "../../flame/skinning.js";
import type { TexelTable } from "../../flame/texelTable.js";
import type { IDetailCrop } from "../photo/detailCrop.js";
import type { IWideCrop } from "../photo/wideCrop.js";
import type { IRefineTable, IRefineView } from "../refine/refineInput.js";

/** Photos that were prepared and fitted together. */
export interface IRefineSource {
    readonly fit: HeadModelFit;
    /** One per photo; none where they were not asked for. */
    readonly details: readonly IDetailCrop[];
    /** One per photo; none where they were not asked for, or the models have no second page. */
    readonly wides: readonly IWideCrop[];
    /** Of the photo from behind, for filling. */
    readonly back?: IWideCrop | null;
    /** [478,3] each, crop coordinates. */
    readonly landmarks: readonly Float32Array[];
}

/** The fields of a texel table and of the head that refinement reads. */
export function RefineTableOf(model: HeadModel, table: TexelTable): IRefineTable {
    const { mapSize, gaussianCount, texel, corners, bary, weights, flags } = table;
    const { regions, template } = model;
    const head = { regions: [...regions], template, normals: VertexNormals(model, template), shut: EyesShut(model) };
    return { mapSize, gaussianCount, texel, corners, bary, weights, flags, ...head };
}

/** [V,3] the head at rest with closed eyes; a head model without a blink keeps its eyes open. */
function EyesShut(model: HeadModel): Float32Array {
    const { expression } = CreateExpressionPose(model);
    for (const name of ["eyeBlinkLeft", "eyeBlinkRight"] as const) {
        if (model.expressions.includes(name)) {
            expression[ExpressionIndex(model, name)] = 1;
        }
    }
    return ExpressVertices(model, expression, new Float32Array(3 * model.vertexCount));
}

/** The head of an expression: [V,3] without and with joints, and those. */
function Posed(
    model: HeadModel,
    pose: ExpressionPose,
): { expressed: Float32Array; posed: Float32Array; jointMatrices: Float32Array } {
    const expressed = ExpressVertices(model, pose.expression, new Float32Array(3 * model.vertexCount));
    const joints = EffectivePose(model, pose, new Float32Array(PoseLength));
    CorrectVertices(model, joints, expressed);
    const jointMatrices = JointMatrices(joints, model.joints, new Float32Array(JointMatricesLength));
    return {
        expressed,
        posed: SkinVertices(model, expressed, jointMatrices, new Float32Array(expressed.length)),
        jointMatrices,
    };
}

/** The pose of the head in a photo. */
export function PoseInPhoto({ fit }: IRefineSource, index: number): ExpressionPose {
    const { expression, pose } = fit.views[index];
    return { expression, pose };
}

/** One photo with the head as it stood there. */
export function RefineViewOf(
    model: HeadModel,
    source: IRefineSource,
    index: number,
    deltaMap: Float32Array | null,
): IRefineView {
    const { rotation, translation, focal } = source.fit.views[index];
    const landmarks = source.landmarks[index];
    return {
        ...source.details[index],
        rotation,
        translation,
        focal,
        landmarks: Float32Array.from(
            { length: (2 * landmarks.length) / 3 },
            (_, i) => landmarks[3 * (i >> 1) + (i & 1)],
        ),
        ...Posed(model, PoseInPhoto(source, index)),
        deltaMap,
    };
}
