/**
 * Text of the shaders of a frame, with their imports resolved. Those of the driver and of refinement are in their own
 * folders.
 */
import attributes from "../../shaders/shared/attributes.wgsl";
import avatarParams from "../../shaders/shared/avatarParams.wgsl";
import constants from "../../shaders/shared/constants.wgsl";
import covariance from "../../shaders/shared/covariance.wgsl";
import crowded from "../../shaders/shared/crowded.wgsl";
import drawArgs from "../../shaders/shared/drawArgs.wgsl";
import headParams from "../../shaders/shared/headParams.wgsl";
import headVertex from "../../shaders/shared/headVertex.wgsl";
import radix from "../../shaders/shared/radix.wgsl";
import realHalf from "../../shaders/shared/realHalf.wgsl";
import realSingle from "../../shaders/shared/realSingle.wgsl";
import closeUp from "../../shaders/shared/closeUp.wgsl";
import levels from "../../shaders/shared/levels.wgsl";
import occluder from "../../shaders/shared/occluder.wgsl";
import posedFace from "../../shaders/shared/posedFace.wgsl";
import mapSource from "../../shaders/shared/mapSource.wgsl";
import sortParams from "../../shaders/shared/sortParams.wgsl";
import splatQuad from "../../shaders/shared/splatQuad.wgsl";
import splatRecord from "../../shaders/shared/splatRecord.wgsl";
import texel from "../../shaders/shared/texel.wgsl";
import viewParams from "../../shaders/shared/viewParams.wgsl";
import viewSlot from "../../shaders/shared/viewSlot.wgsl";
import coarsen from "../../shaders/coarsen.wgsl";
import packDelta from "../../shaders/packDelta.wgsl";
import packStatic from "../../shaders/packStatic.wgsl";
import poseVertices from "../../shaders/poseVertices.wgsl";
import positionMap from "../../shaders/positionMap.wgsl";
import sortCountKeys from "../../shaders/sortCountKeys.wgsl";
import sortCrowded from "../../shaders/sortCrowded.wgsl";
import sortRadixCount from "../../shaders/sortRadixCount.wgsl";
import sortRadixScatter from "../../shaders/sortRadixScatter.wgsl";
import sortScan from "../../shaders/sortScan.wgsl";
import sortScatter from "../../shaders/sortScatter.wgsl";
import sortTies from "../../shaders/sortTies.wgsl";
import splatCloseUp from "../../shaders/splatCloseUp.wgsl";
import splatOccluder from "../../shaders/splatOccluder.wgsl";
import splatDraw from "../../shaders/splatDraw.wgsl";
import splatProject from "../../shaders/splatProject.wgsl";
import { ResolveShader } from "./shaderImports.js";

/** Files that may be imported, by the name in the `#import` line. */
const SharedSources: Readonly<Record<string, string>> = Object.freeze({
    "shared/attributes.wgsl": attributes,
    "shared/avatarParams.wgsl": avatarParams,
    "shared/closeUp.wgsl": closeUp,
    "shared/constants.wgsl": constants,
    "shared/covariance.wgsl": covariance,
    "shared/crowded.wgsl": crowded,
    "shared/drawArgs.wgsl": drawArgs,
    "shared/headParams.wgsl": headParams,
    "shared/headVertex.wgsl": headVertex,
    "shared/radix.wgsl": radix,
    "shared/real.wgsl": realSingle,
    "shared/levels.wgsl": levels,
    "shared/mapSource.wgsl": mapSource,
    "shared/occluder.wgsl": occluder,
    "shared/posedFace.wgsl": posedFace,
    "shared/sortParams.wgsl": sortParams,
    "shared/splatQuad.wgsl": splatQuad,
    "shared/splatRecord.wgsl": splatRecord,
    "shared/texel.wgsl": texel,
    "shared/viewParams.wgsl": viewParams,
    "shared/viewSlot.wgsl": viewSlot,
});

/** {@link ResolveShader} with all shared files. */
export function ResolveImports(source: string, files: Readonly<Record<string, string>> = SharedSources): string {
    return ResolveShader(source, files);
}

/** Kernels by name: the file without its extension, which is also the label of the pipeline. */
export const KernelSources = Object.freeze({ poseVertices, positionMap, splatProject, splatCloseUp });

/** Kernels that take a network's map into an avatar's buffers, and its levels of detail, likewise. */
export const PackKernelSources = Object.freeze({ packStatic, packDelta, coarsen });

/** Name of a packing kernel. */
export type PackKernelName = keyof typeof PackKernelSources;

/** Kernels of the sorters, likewise. */
export const SortKernelSources = Object.freeze({
    sortCountKeys,
    sortScan,
    sortScatter,
    sortTies,
    sortCrowded,
    sortRadixCount,
    sortRadixScatter,
});

/** Name of a kernel of a sorter. */
export type SortKernelName = keyof typeof SortKernelSources;

/** The same files with colors in half precision. */
const HalfSources = Object.freeze({ ...SharedSources, "shared/real.wgsl": realHalf });

/**
 * Resolves a shader that has a twin in half precision.
 * @param half for devices with `shader-f16`
 */
export function ResolveTwin(source: string, half: boolean): string {
    return half ? `enable f16;\n${ResolveImports(source, HalfSources)}` : ResolveImports(source);
}

/** The depth of the heads, resolved. */
export const SplatOccluderSource = ResolveImports(splatOccluder);

/** The stand-alone draw, resolved. */
export const SplatDrawSource = ResolveTwin(splatDraw, false);

/** Its twin in half precision. */
export const HalfSplatDrawSource = ResolveTwin(splatDraw, true);

/**
 * Structs and functions from a splat record to a premultiplied color, without bindings: SplatRecord, DrawArgs,
 * splatCorner, hiddenCorner and splatColor. A host engine's material puts this text before its own entry points.
 */
export const SplatQuadSource = [constants, realSingle, splatRecord, drawArgs, splatQuad].join("\n");

/** Structs and functions of detail for close-ups, without bindings; put it after {@link SplatQuadSource}. */
export const CloseUpSource = closeUp;
