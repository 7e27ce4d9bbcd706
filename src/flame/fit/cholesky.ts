/** Solves small dense symmetric systems, as the photo fit makes them. */

/**
 * Solves A x = b for a symmetric positive definite A by Cholesky's factorisation.
 * @param a [n,n] row-major; its lower triangle is read and overwritten by the factor
 * @param b [n] right side; overwritten by the solution
 * @returns false if A is not positive definite; `b` is then worthless
 */
export function SolveCholesky(a: Float64Array, b: Float64Array, n: number): boolean {
    for (let row = 0; row < n; row++) {
        for (let column = 0; column <= row; column++) {
            const rest = a[row * n + column] - DotRows(a, row * n, column * n, column);
            if (column < row) {
                a[row * n + column] = rest / a[column * n + column];
            } else if (rest > 0) {
                a[row * n + row] = Math.sqrt(rest);
            } else {
                return false;
            }
        }
    }
    for (let row = 0; row < n; row++) {
        let rest = b[row];
        for (let column = 0; column < row; column++) {
            rest -= a[row * n + column] * b[column];
        }
        b[row] = rest / a[row * n + row];
    }
    for (let row = n - 1; row >= 0; row--) {
        let rest = b[row];
        for (let column = row + 1; column < n; column++) {
            rest -= a[column * n + row] * b[column];
        }
        b[row] = rest / a[row * n + row];
    }
    return true;
}

function DotRows(a: Float64Array, first: number, second: number, length: number): number {
    let sum = 0;
    for (let i = 0; i < length; i++) {
        sum += a[first + i] * a[second + i];
    }
    return sum;
}
