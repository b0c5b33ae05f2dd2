"""The tracker: shot boundaries, detection, optical flow, identity, and which track is the clip's subject."""
