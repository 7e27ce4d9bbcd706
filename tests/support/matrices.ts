/** Column-major 4×4 matrices for column vectors, made for tests. */
import type { ICameraSettings } from "../../src/runtime/passes";

export function Multiply(a: readonly number[], b: readonly number[]): number[] {
    return Array.from({ length: 16 }, (_, i) =>
        [0, 1, 2, 3].reduce((sum, k) => sum + a[4 * k + (i % 4)] * b[4 * (i >> 2) + k], 0),
    );
}

export function Translation(x: number, y: number, z: number): number[] {
    return [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, x, y, z, 1];
}

export function Scaling(x: number, y: number, z: number): number[] {
    return [x, 0, 0, 0, 0, y, 0, 0, 0, 0, z, 0, 0, 0, 0, 1];
}

/** Right-handed turn about y. */
export function TurnY(angle: number): number[] {
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    return [c, 0, -s, 0, 0, 1, 0, 0, s, 0, c, 0, 0, 0, 0, 1];
}

/** Right-handed turn about x. */
export function TurnX(angle: number): number[] {
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    return [1, 0, 0, 0, 0, c, s, 0, 0, -s, c, 0, 0, 0, 0, 1];
}

/**
 * Perspective along +z (left-handed) or −z (right-handed), NDC z 0..1. `f` is 1 / tan(half the vertical field of view).
 */
export function Perspective(f: number, aspect: number, near: number, far: number, rightHanded = false): number[] {
    const ahead = rightHanded ? -1 : 1;
    return [
        f / aspect,
        0,
        0,
        0,
        0,
        f,
        0,
        0,
        0,
        0,
        (ahead * far) / (far - near),
        ahead,
        0,
        0,
        (-near * far) / (far - near),
        0,
    ];
}

/** Orthographic along +z, NDC z 0..1. */
export function Orthographic(width: number, height: number, near: number, far: number): number[] {
    return [2 / width, 0, 0, 0, 0, 2 / height, 0, 0, 0, 0, 1 / (far - near), 0, 0, 0, -near / (far - near), 1];
}

/** A left-handed camera at z = −`distance` that looks at the origin, for a square viewport. */
export function FrontalCamera(distance: number, sizePx: number): ICameraSettings {
    return {
        viewFromWorld: Translation(0, 0, distance),
        clipFromView: Perspective(2.6, 1, 0.1, 10),
        viewportWidthPx: sizePx,
        viewportHeightPx: sizePx,
    };
}
