/**
 * Twin of src/shaders/poseVertices.wgsl and of the skinning that other kernels do with its vertices, in the head
 * model's own functions.
 */
import { CorrectVertices, ExpressVertices } from "../../flame/blendshapes.js";
import { EffectivePose, type ExpressionPose } from "../../flame/expression.js";
import { PoseLength, type HeadModel } from "../../flame/headModel.js";
import { CreatePositionMapScratch, PositionMapVertices } from "../../flame/positionMap.js";
import { JointMatrices, JointMatricesLength, SkinVertices } from "../../flame/skinning.js";

/** [V,3] each, meters. */
export interface IPosedHead {
    /** Template, expression and pose correctives, no joints. */
    readonly expressed: Float32Array;
    /** With all joints. */
    readonly posed: Float32Array;
    /** With jaw and eyes only. */
    readonly driving: Float32Array;
    /** [5,12] joint matrices of `posed`, 3×4, row-major. */
    readonly jointMatrices: Float32Array;
}

/** The head of one expression. */
export function PoseVerticesReference(model: HeadModel, expressionPose: ExpressionPose): IPosedHead {
    const expressed = ExpressVertices(model, expressionPose.expression, new Float32Array(3 * model.vertexCount));
    const pose = EffectivePose(model, expressionPose, new Float32Array(PoseLength));
    CorrectVertices(model, pose, expressed);
    const jointMatrices = JointMatrices(pose, model.joints, new Float32Array(JointMatricesLength));
    const posed = SkinVertices(model, expressed, jointMatrices, new Float32Array(3 * model.vertexCount));
    const driving = PositionMapVertices(model, expressionPose, CreatePositionMapScratch(model));
    return { expressed, posed, driving, jointMatrices };
}
