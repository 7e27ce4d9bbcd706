"""The voice network: sound to visemes. `python -m training.voice.train` makes src/runtime/voice/voiceNetwork.ts."""
