"""What a terminal can show: tables that fit its width, and faces by its own protocols."""
