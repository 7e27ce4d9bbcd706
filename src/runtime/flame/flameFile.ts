/** The user's own FLAME as its authors publish it: a pickle, or the same arrays as `.npz`. */
import { FlexAvatarError } from "../../flame/error.js";
import { JointCount, JointParents } from "../../flame/headModel.js";
import { IsZip } from "../format/zipReader.js";
import { NumbersOf, ReadNpz } from "./npz.js";
import type { INumberArray } from "./numberArray.js";
import { ReadPickle } from "./pickle.js";
import { ArrayOf, FieldOf } from "./pickleNames.js";

/** FLAME's arrays. V vertices, F faces, S identity directions, X expression directions. Meters, FLAME's own axes. */
export interface IFlame {
    readonly vertexCount: number;
    readonly faceCount: number;
    readonly shapeCount: number;
    /** 0 where the file has none. */
    readonly expressionCount: number;
    /** [V,3] */
    readonly template: Float32Array;
    /** [F,3] */
    readonly faces: Uint16Array;
    /** [S,V,3] meters per unit. */
    readonly shapeDirs: Float32Array;
    /** [X,V,3] meters per unit. */
    readonly expressionDirs: Float32Array;
    /** [36,V,3] pose correctives: nine numbers of R − I, row by row, of neck, jaw, left and right eye. */
    readonly poseDirs: Float32Array;
    /** [5,V] joints = this · vertices. */
    readonly jointRegressor: Float32Array;
    /** [V,5] skin weights. */
    readonly weights: Float32Array;
}

/** Numbers of {@link IFlame.poseDirs}: the joints below the first, nine for each. */
export const PoseFeatureCount = 9 * (JointCount - 1);
/** Identity directions in front of the expressions, where one array has both. */
const IdentityCount = 300;
/** Most vertices of a head; FLAME has 5,023. */
const MaxVertices = 16384;
/** Coordinates are meters. */
const FarthestMeters = 10;

/** What is wrong with a FLAME file. */
export function WrongFlame(what: string): FlexAvatarError {
    return new FlexAvatarError("file-format", `This is no FLAME model that can be read: ${what}.`, {
        advice: "Pass generic_model.pkl of FLAME 2020, flame2023.pkl or flame2023_Open.pkl, or their arrays as .npz.",
    });
}

/** Gives an array by the first of the names that the file has. */
type Take = (...names: readonly string[]) => INumberArray | undefined;

/**
 * Reads a FLAME model.
 * @param bytes the whole file, `.pkl` or `.npz`
 * @throws FlexAvatarError `file-format` if it is none or damaged, `pickle-refused` if it asks for more than data
 */
export function ReadFlame(bytes: Uint8Array): IFlame {
    return FlameOf(IsZip(bytes) ? ArraysOfNpz(bytes) : ArraysOfPickle(bytes));
}

function ArraysOfNpz(bytes: Uint8Array): Take {
    const known =
        /^(?:v_template|f|faces|shapedirs(?:_\d+)?|expr(?:ession)?dirs|posedirs|J_regressor|weights|kintree_table|parents)$/;
    const arrays = ReadNpz(bytes, (name) => known.test(name));
    const shaped = [...arrays.keys()].find((name) => name.startsWith("shapedirs"));
    return (...names) =>
        names
            .map((name) => NumbersOf(arrays.get(name === "shapedirs" ? (shaped ?? name) : name)))
            .find((array) => array !== undefined);
}

function ArraysOfPickle(bytes: Uint8Array): Take {
    const content = ReadPickle(bytes);
    if (!(content instanceof Map)) {
        throw WrongFlame("its pickle is no dictionary");
    }
    return (...names) => ArrayOf(FieldOf(content, ...names));
}

function FlameOf(take: Take): IFlame {
    const template = take("v_template");
    const vertexCount = template?.shape[0] ?? 0;
    if (!template || template.shape.length !== 2 || vertexCount < 1 || vertexCount > MaxVertices) {
        throw WrongFlame(`its v_template has the shape [${template?.shape.join(", ") ?? ""}]`);
    }
    const wanted = (array: INumberArray | undefined, name: string, shape: readonly (number | null)[]): INumberArray => {
        const isWanted =
            array?.shape.length === shape.length &&
            shape.every((size, axis) => size === null || size === array.shape[axis]);
        if (!array || !isWanted) {
            const said = array ? `has the shape [${array.shape.join(", ")}]` : "is missing";
            throw WrongFlame(`its ${name} ${said}, wanted [${shape.map((size) => size ?? "any").join(", ")}]`);
        }
        return array;
    };
    const faces = wanted(take("f", "faces"), "f", [null, 3]);
    const shapes = wanted(take("shapedirs"), "shapedirs", [vertexCount, 3, null]);
    const poses = wanted(take("posedirs"), "posedirs", [vertexCount, 3, PoseFeatureCount]);
    const regressor = wanted(take("J_regressor"), "J_regressor", [JointCount, vertexCount]);
    const weights = wanted(take("weights"), "weights", [vertexCount, JointCount]);
    const own = take("exprdirs", "expressiondirs");
    const expressions = own && wanted(own, "expressiondirs", [vertexCount, 3, null]);
    CheckParents(take("kintree_table", "parents"));
    if (faces.values.some((vertex) => !(Number.isInteger(vertex) && vertex >= 0 && vertex < vertexCount))) {
        throw WrongFlame(`its f names vertices outside of 0 to ${vertexCount - 1}`);
    }
    if (faces.shape[0] === 0) {
        throw WrongFlame("it has no faces");
    }
    const shapeCount = expressions ? shapes.shape[2] : Math.min(IdentityCount, shapes.shape[2]);
    return {
        vertexCount,
        faceCount: faces.shape[0],
        shapeCount,
        expressionCount: expressions ? expressions.shape[2] : shapes.shape[2] - shapeCount,
        template: Meters("v_template", wanted(template, "v_template", [vertexCount, 3]).values),
        faces: Uint16Array.from(faces.values),
        shapeDirs: Directions("shapedirs", shapes, 0, shapeCount),
        expressionDirs: expressions
            ? Directions("expressiondirs", expressions, 0, expressions.shape[2])
            : Directions("shapedirs", shapes, shapeCount, shapes.shape[2]),
        poseDirs: Directions("posedirs", poses, 0, PoseFeatureCount),
        jointRegressor: Meters("J_regressor", regressor.values),
        weights: SkinWeights(Meters("weights", weights.values)),
    };
}

/** FLAME's tree, as a list or as the first row of a table; the root's parent is −1, also as an unsigned number. */
function CheckParents(table: INumberArray | undefined): void {
    const parents = Array.from((table?.values ?? Float64Array.from(JointParents)).subarray(0, JointCount));
    const isFlames =
        parents.length === JointCount && JointParents.every((parent, i) => i === 0 || parents[i] === parent);
    if (!isFlames) {
        throw WrongFlame(`its joints have the parents ${parents.join(", ")}, wanted ${JointParents.join(", ")}`);
    }
}

function Meters(name: string, values: Float64Array): Float32Array {
    const bad = values.findIndex((value) => !(Math.abs(value) <= FarthestMeters));
    if (bad >= 0) {
        throw WrongFlame(`its ${name} has ${values[bad]} at ${bad}`);
    }
    return Float32Array.from(values);
}

/** [n,V,3] of [V,3,n]. */
function Directions(name: string, { shape, values }: INumberArray, from: number, to: number): Float32Array {
    const [vertexCount, , count] = shape;
    const numbers = 3 * vertexCount;
    const directions = new Float32Array((to - from) * numbers);
    for (let i = 0; i < numbers; i++) {
        for (let k = from; k < to; k++) {
            const value = values[i * count + k];
            if (!(Math.abs(value) <= FarthestMeters)) {
                throw WrongFlame(`its ${name} has ${value} at vertex ${Math.floor(i / 3)}`);
            }
            directions[(k - from) * numbers + i] = value;
        }
    }
    return directions;
}

function SkinWeights(weights: Float32Array): Float32Array {
    for (let at = 0; at < weights.length; at += JointCount) {
        const row = weights.subarray(at, at + JointCount);
        const sum = row.reduce((total, weight) => total + weight, 0);
        if (row.some((weight) => weight < -1e-3) || !(Math.abs(sum - 1) < 0.01)) {
            throw WrongFlame(`the skin weights of vertex ${at / JointCount} are ${row.join(", ")}`);
        }
    }
    return weights;
}
