// Small matrix functions of the projection.

/// Rotation of a unit quaternion x, y, z, w.
fn rotationOf(q: vec4f) -> mat3x3f {
    let d = 2.0 * q.xyz * q.xyz;
    let xy = 2.0 * q.x * q.y;
    let xz = 2.0 * q.x * q.z;
    let yz = 2.0 * q.y * q.z;
    let w = 2.0 * q.w * q.xyz;
    return mat3x3f(
        vec3f(1.0 - d.y - d.z, xy + w.z, xz - w.y),
        vec3f(xy - w.z, 1.0 - d.x - d.z, yz + w.x),
        vec3f(xz + w.y, yz - w.x, 1.0 - d.x - d.y),
    );
}

/// The rotation nearest to a blend of rotations: Newton's iteration for the polar decomposition, X ← (X + X⁻ᵀ)/2.
/// Joints that differ by up to 120° give singular values of 0.5 or more, which five steps bring to 1 within f32.
fn nearestRotation(blend: mat3x3f) -> mat3x3f {
    var x = blend;
    for (var i = 0; i < 5; i++) {
        let c0 = cross(x[1], x[2]);
        let c1 = cross(x[2], x[0]);
        let c2 = cross(x[0], x[1]);
        let h = 0.5 / max(dot(x[0], c0), 1e-6);
        x = mat3x3f(0.5 * x[0] + h * c0, 0.5 * x[1] + h * c1, 0.5 * x[2] + h * c2);
    }
    return x;
}

/// The two half axes, one standard deviation long, of the ellipse with covariance (xx, xy, yy).
/// The smaller variance comes from the determinant, which keeps thin splats exact.
fn ellipseAxes(covariance: vec3f, determinant: f32) -> mat2x2f {
    let half = 0.5 * (covariance.x - covariance.z);
    let root = sqrt(half * half + covariance.y * covariance.y);
    let variance = 0.5 * (covariance.x + covariance.z) + root;
    var direction = vec2f(1.0, 0.0);
    if (root > 1e-6 * variance) {
        direction = normalize(select(vec2f(covariance.y, root - half), vec2f(root + half, covariance.y), half >= 0.0));
    }
    return mat2x2f(sqrt(variance) * direction, sqrt(determinant / variance) * vec2f(-direction.y, direction.x));
}
