/**
 * Texts of refinement's shaders, with their imports resolved: apart from those of a frame, because a worker of its own
 * carries them.
 */
import constants from "../../../shaders/shared/constants.wgsl";
import refineEllipse from "../../../shaders/shared/refineEllipse.wgsl";
import refineParams from "../../../shaders/shared/refineParams.wgsl";
import refineTile from "../../../shaders/shared/refineTile.wgsl";
import refineDraw from "../../../shaders/refine/refineDraw.wgsl";
import refineGather from "../../../shaders/refine/refineGather.wgsl";
import refineSum from "../../../shaders/refine/refineSum.wgsl";
import { ResolveShader } from "../shaderImports.js";

/** What they import. */
const RefineSharedSources: Readonly<Record<string, string>> = Object.freeze({
    "shared/constants.wgsl": constants,
    "shared/refineEllipse.wgsl": refineEllipse,
    "shared/refineParams.wgsl": refineParams,
    "shared/refineTile.wgsl": refineTile,
});

const Sources = { refineDraw, refineGather, refineSum };

/** Name of a kernel: the file without its extension, which is also the label of the pipeline. */
export type RefineKernelName = keyof typeof Sources;

/** All of them. */
export const RefineKernelNames = Object.freeze(Object.keys(Sources)) as readonly RefineKernelName[];

/** Text of a kernel. */
export function RefineSource(name: RefineKernelName): string {
    return ResolveShader(Sources[name], RefineSharedSources);
}
