/**
 * Small 3×3 rotations: axis-angle to matrix, the rotation nearest to a matrix, matrix to quaternion.
 * Matrices are row-major, nine numbers. Quaternions are x, y, z, w.
 */

/** Numbers that can be written by index: a typed array or a plain one. */
export interface IWritableNumbers {
    [index: number]: number;
    readonly length: number;
}

/**
 * Rodrigues' formula: the rotation by |v| radians about v.
 * @param at where the matrix starts in `into`
 */
export function RotationOfAxisAngle(x: number, y: number, z: number, into: IWritableNumbers, at = 0): void {
    const angle = Math.sqrt(x * x + y * y + z * z); // Math.hypot allocates
    // sin(a)/a and (1 − cos a)/a², by their series where the quotients lose digits.
    const a = angle < 1e-4 ? 1 - (angle * angle) / 6 : Math.sin(angle) / angle;
    const b = angle < 1e-4 ? 0.5 - (angle * angle) / 24 : (1 - Math.cos(angle)) / (angle * angle);
    into[at] = 1 - b * (y * y + z * z);
    into[at + 1] = b * x * y - a * z;
    into[at + 2] = b * x * z + a * y;
    into[at + 3] = b * x * y + a * z;
    into[at + 4] = 1 - b * (x * x + z * z);
    into[at + 5] = b * y * z - a * x;
    into[at + 6] = b * x * z - a * y;
    into[at + 7] = b * y * z + a * x;
    into[at + 8] = 1 - b * (x * x + y * y);
}

/** `into` = `a` · `b`, 3×3. `into` must be another array than `a` and `b`. */
export function MultiplyRotations(a: ArrayLike<number>, b: ArrayLike<number>, into: IWritableNumbers): void {
    for (let row = 0; row < 3; row++) {
        for (let column = 0; column < 3; column++) {
            into[3 * row + column] =
                a[3 * row] * b[column] + a[3 * row + 1] * b[3 + column] + a[3 * row + 2] * b[6 + column];
        }
    }
}

/**
 * The rotation nearest to a matrix (the orthogonal factor of its polar decomposition), in place.
 * Newton's iteration M ← (M + M⁻ᵀ)/2 (Higham 1986); blends of rotations up to about 120° apart converge in a few steps.
 * A matrix that is singular or mirrored is replaced by the identity.
 */
export function NearestRotation(matrix: IWritableNumbers): void {
    for (let step = 0; step < 12; step++) {
        // Rows of the cofactor matrix; M⁻ᵀ = cofactors / determinant.
        const c0 = matrix[4] * matrix[8] - matrix[5] * matrix[7];
        const c1 = matrix[5] * matrix[6] - matrix[3] * matrix[8];
        const c2 = matrix[3] * matrix[7] - matrix[4] * matrix[6];
        const determinant = matrix[0] * c0 + matrix[1] * c1 + matrix[2] * c2;
        if (!(determinant > 1e-6)) {
            for (let i = 0; i < 9; i++) {
                matrix[i] = i % 4 === 0 ? 1 : 0;
            }
            return;
        }
        const c3 = matrix[2] * matrix[7] - matrix[1] * matrix[8];
        const c4 = matrix[0] * matrix[8] - matrix[2] * matrix[6];
        const c5 = matrix[1] * matrix[6] - matrix[0] * matrix[7];
        const c6 = matrix[1] * matrix[5] - matrix[2] * matrix[4];
        const c7 = matrix[2] * matrix[3] - matrix[0] * matrix[5];
        const c8 = matrix[0] * matrix[4] - matrix[1] * matrix[3];
        const scale = 0.5 / determinant;
        matrix[0] = 0.5 * matrix[0] + scale * c0;
        matrix[1] = 0.5 * matrix[1] + scale * c1;
        matrix[2] = 0.5 * matrix[2] + scale * c2;
        matrix[3] = 0.5 * matrix[3] + scale * c3;
        matrix[4] = 0.5 * matrix[4] + scale * c4;
        matrix[5] = 0.5 * matrix[5] + scale * c5;
        matrix[6] = 0.5 * matrix[6] + scale * c6;
        matrix[7] = 0.5 * matrix[7] + scale * c7;
        matrix[8] = 0.5 * matrix[8] + scale * c8;
        if (Math.abs(determinant - 1) < 1e-7 && step > 0) {
            return;
        }
    }
}

/**
 * Quaternion x, y, z, w of a rotation, by Shepperd's choice of the largest component.
 * @param at where the quaternion starts in `into`
 */
export function QuaternionOfRotation(m: ArrayLike<number>, into: IWritableNumbers, at = 0): void {
    const trace = m[0] + m[4] + m[8];
    let x: number, y: number, z: number, w: number;
    if (trace >= m[0] && trace >= m[4] && trace >= m[8]) {
        x = m[7] - m[5];
        y = m[2] - m[6];
        z = m[3] - m[1];
        w = 1 + trace;
    } else if (m[0] >= m[4] && m[0] >= m[8]) {
        x = 1 + m[0] - m[4] - m[8];
        y = m[1] + m[3];
        z = m[2] + m[6];
        w = m[7] - m[5];
    } else if (m[4] >= m[8]) {
        x = m[1] + m[3];
        y = 1 + m[4] - m[0] - m[8];
        z = m[5] + m[7];
        w = m[2] - m[6];
    } else {
        x = m[2] + m[6];
        y = m[5] + m[7];
        z = 1 + m[8] - m[0] - m[4];
        w = m[3] - m[1];
    }
    const scale = 1 / Math.sqrt(x * x + y * y + z * z + w * w);
    into[at] = x * scale;
    into[at + 1] = y * scale;
    into[at + 2] = z * scale;
    into[at + 3] = w * scale;
}
