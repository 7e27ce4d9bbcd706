import { ViewOfSquare } from "../../../../src/runtime/camera/viewOfSquare";

const Frame = { width: 640, height: 480 };

describe("view of a square", () => {
    it("is the camera's own in the frame's middle", () => {
        const view = new Float64Array(9);
        ViewOfSquare({ centerX: 320, centerY: 240, rotation: 0 }, Frame, 1.3, view);
        [1, 0, 0, 0, 1, 0, 0, 0, 1].forEach((value, i) => expect(view[i]).toBeCloseTo(value, 12));
    });

    it("looks at its middle and rolls with it, as training has it", () => {
        const view = new Float64Array(9);
        ViewOfSquare({ centerX: 500, centerY: 100, rotation: 0.4 }, Frame, 1.3, view);
        // training/tests/test_camera.py
        const wanted = [0.907721, 0.320367, -0.270937, -0.380674, 0.900378, -0.210729, 0.176435, 0.294422, 0.939248];
        wanted.forEach((value, i) => expect(view[i]).withContext(`${i}`).toBeCloseTo(value, 5));
    });
});
