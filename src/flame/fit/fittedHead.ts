/** The head that a fit found, as vertices: identity, expression, jaw and eyes, before the camera. */
import { CorrectVertices, ExpressVertices, ShapeJoints, ShapeVertices } from "../blendshapes.js";
import { EffectivePose } from "../expression.js";
import { PoseLength, type HeadModel } from "../headModel.js";
import { JointMatrices, JointMatricesLength, SkinVertices } from "../skinning.js";
import type { FittedView, HeadModelFit } from "./fitHeadModel.js";

/**
 * Vertices of the fitted head in one photo.
 * @returns [V,3] canonical, meters, new; `ToCamera(view, …)` takes them before the camera
 */
export function FittedVertices(model: HeadModel, fit: HeadModelFit, view: FittedView): Float32Array {
    const shaped = ShapeVertices(model, fit.shape);
    const pose = EffectivePose(model, view, new Float32Array(PoseLength));
    const matrices = JointMatrices(pose, ShapeJoints(model, shaped), new Float32Array(JointMatricesLength));
    const vertices = ExpressVertices(model, view.expression, new Float32Array(shaped.length), shaped);
    CorrectVertices(model, pose, vertices);
    return SkinVertices(model, vertices, matrices, vertices);
}
