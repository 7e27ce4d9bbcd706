// @sparkjsdev/spark on three's WebGL renderer: distances on the GPU, order from its worker, one frame or more late.
/* global SPARK_VERSION */
import { SparkRenderer, SplatMesh } from "@sparkjsdev/spark";
import { Color, PerspectiveCamera, Scene, WebGLRenderer } from "three";

export async function CreateAsync({ canvas, camera: path, ply }) {
    const renderer = new WebGLRenderer({ canvas, antialias: false, preserveDrawingBuffer: true });
    renderer.setPixelRatio(1);
    renderer.setSize(path.SizePx, path.SizePx, false);
    const scene = new Scene();
    scene.background = new Color().setRGB(...path.ClearColor, "srgb");
    const camera = new PerspectiveCamera((path.FieldOfView * 180) / Math.PI, 1, path.Near, path.Far);
    scene.add(new SparkRenderer({ renderer }));
    const mesh = new SplatMesh({ fileBytes: new Uint8Array(ply.slice(0)), fileName: "head.ply" });
    await mesh.initialized;
    scene.add(mesh);
    const gl = renderer.getContext();
    const pixel = new Uint8Array(4);
    return {
        version: SPARK_VERSION,
        async frameAsync(frame) {
            camera.position.set(...path.EyeOf(frame));
            camera.lookAt(0, 0, 0);
            renderer.render(scene, camera);
            gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel); // waits for the frame
        },
        readAsync: async () => ReadWebGl(gl, path.SizePx),
        dispose: () => renderer.dispose(),
    };
}

function ReadWebGl(gl, size) {
    const rows = new Uint8Array(4 * size * size);
    gl.readPixels(0, 0, size, size, gl.RGBA, gl.UNSIGNED_BYTE, rows);
    const picture = new Uint8ClampedArray(rows.length);
    for (let row = 0; row < size; row++) {
        picture.set(rows.subarray(4 * size * row, 4 * size * (row + 1)), 4 * size * (size - 1 - row));
    }
    return picture;
}
