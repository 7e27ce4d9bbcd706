/**
 * The identity of a fit as a map: the `prior` input of the reconstructor. Twin of training/synth/photographer.py,
 * `prior`.
 */
import { ShapeVertices } from "../blendshapes.js";
import type { HeadModel } from "../headModel.js";
import { SampleVertices } from "../positionMap.js";
import { BuildTexelTable } from "../texelTable.js";
import type { HeadModelFit } from "./fitHeadModel.js";

/** Offset that becomes 1 in the map, meters. */
const UnitOffset = 0.02;

/**
 * Identity offset of the fit at the texel centres of an A×A map.
 * @param size A, texels per side
 * @returns [4,A,A] offset from the template in units of 0.02 m (canonical), and 1; all 0 where there is no texel
 */
export function IdentityPrior(model: HeadModel, fit: HeadModelFit, size = 64): Float32Array {
    const table = BuildTexelTable(model, size);
    const offsets = ShapeVertices(model, fit.shape).map((value, i) => (value - model.template[i]) / UnitOffset);
    const prior = new Float32Array(4 * size * size);
    SampleVertices(table, offsets, prior);
    table.texel.forEach((texel) => (prior[3 * size * size + texel] = 1));
    return prior;
}
